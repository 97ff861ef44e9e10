import CSoftmaxKernels

/// One of the kernels' builds for different instruction sets.
///
/// All builds return the same bits; they differ in speed and in the processors that can run them.
///
/// `@unchecked Sendable`: the C struct of function pointers and a string is a constant.
package struct KernelBuild: @unchecked Sendable {
    let kernels: softmax_kernels

    /// The builds that this processor can run, slowest first; the first one is the baseline.
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

    /// The name: "baseline", or the instruction sets that the build needs.
    package var name: String { String(cString: kernels.name) }
}
