// swift-tools-version: 6.3
import PackageDescription

/// A package of somebody else's that depends on SoftmaxCore by path, without access to anything but what is public.
let package = Package(
    name: "outside",
    dependencies: [.package(name: "softmaxd", path: "../..")],
    targets: [
        .executableTarget(name: "outside", dependencies: [.product(name: "SoftmaxCore", package: "softmaxd")])
    ],
    swiftLanguageModes: [.v6]
)
