import Testing

@testable import HTTPServer

@Suite("Processors") struct ProcessorsTests {
    /// A machine's files, by path, and the quota they amount to.
    struct Machine: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var files: [String: String]
        var quota: Double?

        init(_ name: String, _ quota: Double?, groups: String, mounts: String, _ files: [String: String]) {
            testDescription = name
            self.quota = quota
            self.files = files
            self.files["/proc/self/cgroup"] = groups
            self.files["/proc/self/mountinfo"] = mounts
        }
    }

    private static let unified = """
        24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
        35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate

        """
    private static let separate = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
        34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw

        """

    static let machines = [
        Machine("no control groups", nil, groups: "", mounts: "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n", [:]),
        Machine(
            "version 2, no quota", nil, groups: "0::/system.slice/a.service\n", mounts: unified,
            ["/sys/fs/cgroup/system.slice/a.service/cpu.max": "max 100000\n"]),
        Machine(
            "version 2, half a processor", 0.5, groups: "0::/system.slice/a.service\n", mounts: unified,
            ["/sys/fs/cgroup/system.slice/a.service/cpu.max": "50000 100000\n"]),
        Machine(
            "version 2, the group above has less", 1.5, groups: "0::/pods.slice/pod/container\n", mounts: unified,
            [
                "/sys/fs/cgroup/pods.slice/pod/container/cpu.max": "400000 100000\n",
                "/sys/fs/cgroup/pods.slice/pod/cpu.max": "150000 100000\n",
                "/sys/fs/cgroup/pods.slice/cpu.max": "max 100000\n",
            ]),
        Machine(
            "version 2 in a container with a namespace of its own", 2, groups: "0::/\n", mounts: unified,
            ["/sys/fs/cgroup/cpu.max": "200000 100000\n"]),
        Machine(
            "version 2, a group outside of what is mounted", 1, groups: "0::/../other\n",
            mounts: "35 24 0:30 /docker/c1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            ["/sys/fs/cgroup/cpu.max": "100000 100000\n"]),
        Machine(
            "version 1, no quota", nil, groups: "3:cpuset:/\n2:cpu,cpuacct:/\n0::/\n", mounts: separate,
            [
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            ]),
        Machine(
            "version 1, two and a half processors", 2.5, groups: "3:cpuset:/x\n2:cpu,cpuacct:/app\n0::/\n",
            mounts: separate,
            [
                "/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us": "250000\n",
                "/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us": "100000\n",
                "/sys/fs/cgroup/cpuset/x/cpu.cfs_quota_us": "1000\n",
                "/sys/fs/cgroup/cpuset/x/cpu.cfs_period_us": "100000\n",
            ]),
        Machine(
            "version 1 in a container without a namespace: the mount's root is the container's group", 0.25,
            groups: "2:cpu,cpuacct:/docker/c1\n",
            mounts: "32 31 0:29 /docker/c1 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
            [
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "25000\n",
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            ]),
        Machine(
            "a colon in the group's name, a space in the mount's", 3, groups: "0::/a:b\n",
            mounts: "35 24 0:30 / /mnt/control\\040groups rw shared:9 master:2 - cgroup2 cgroup2 rw\n",
            ["/mnt/control groups/a:b/cpu.max": "300000 100000\n"]),
        Machine(
            "files that are not what they should be", nil, groups: "0::/a\n:::\nx\n",
            mounts: unified + "- - -\n\n1 2\n",
            ["/sys/fs/cgroup/a/cpu.max": "much 0\n", "/sys/fs/cgroup/cpu.max": "0 0\n"]),
    ]

    @Test("the quota of a control group is the least of its own and of those above", arguments: machines)
    func quota(machine: Machine) {
        #expect(ControlGroups { machine.files[$0] }.processorQuota == machine.quota)
    }

    @Test("a machine has one processor at least, and the defaults are as many threads")
    func defaults() {
        let configuration = HTTPServerConfiguration()
        #expect(Processors.available >= 1)
        #expect(configuration.loops == min(64, Processors.available))
        #expect(configuration.computeThreads == min(64, Processors.available))
    }
}
