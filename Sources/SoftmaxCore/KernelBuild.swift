import CSoftmaxKernels

/// One of the builds of the kernels that this binary holds.
///
/// All of them return the same bits; they differ in the processors they run on and in speed.
package struct KernelBuild: @unchecked Sendable {
    // Unchecked, because a C struct of function pointers and a string is not known to be Sendable: this one is a
    // constant of the C target, never written to.
    let kernels: softmax_kernels

    /// The builds that this processor can run, slowest first; never empty, since the baseline runs everywhere.
    package static let supported: [KernelBuild] = {
        var builds: [KernelBuild] = []
        var index: Int64 = 0
        while let kernels = softmax_kernels_at(index) {
            if kernels.pointee.is_supported() { builds.append(KernelBuild(kernels: kernels.pointee)) }
            index += 1
        }
        return builds
    }()

    /// The fastest build that this processor can run.
    package static let fastest = supported.last ?? KernelBuild(kernels: softmax_kernels_baseline)

    /// "baseline" or the instruction sets it needs.
    package var name: String { String(cString: kernels.name) }
}
