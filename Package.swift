// swift-tools-version: 6.3
import PackageDescription

/// One set of rules for every Swift target: a warning is an error, existentials are spelled out,
/// and an import is internal unless it says otherwise.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "softmaxd",
    products: [
        .library(name: "SoftmaxCore", targets: ["SoftmaxCore"]),
        .executable(name: "softmaxd", targets: ["softmaxd"]),
    ],
    targets: [
        // The mathematics: no I/O, no JSON, no Foundation.
        .target(name: "CSoftmaxKernels"),
        .target(name: "SoftmaxCore", dependencies: ["CSoftmaxKernels"], swiftSettings: strict),

        // JSON text to flat buffers and back: numbers by code of its own, token positions by libsimdjson.
        .target(name: "CNumberText"),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "TensorJSON", dependencies: ["CNumberText", "CSimdjson"], swiftSettings: strict),

        // The HTTP server; knows nothing of softmax.
        .target(name: "CEpoll"),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .target(name: "HTTPServer", dependencies: ["CEpoll", "CNGHTTP2"], swiftSettings: strict),

        // Decode, compute, encode: one handler per operation.
        .systemLibrary(name: "CMalloc"),
        .target(
            name: "SoftmaxService",
            dependencies: ["SoftmaxCore", "TensorJSON", "HTTPServer", "CMalloc"],
            resources: [
                .embedInCode("Resources/explorer.html"), .embedInCode("Resources/docs.html"),
                .embedInCode("Resources/derivation.html"), .embedInCode("Resources/problem.html"),
                .embedInCode("Resources/icon.svg"),
                .embedInCode("Resources/openapi.yaml"), .embedInCode("Resources/openapi.json"),
            ],
            swiftSettings: strict),
        .executableTarget(name: "softmaxd", dependencies: ["SoftmaxService"], swiftSettings: strict),

        .target(name: "CAllocations", path: "Tests/Fixtures/CAllocations"),
        .executableTarget(
            name: "allocation-count", dependencies: ["CAllocations", "HTTPServer", "SoftmaxService"],
            path: "Tests/Fixtures/allocation-count", swiftSettings: strict),
        .executableTarget(
            name: "softmax-stress", dependencies: ["SoftmaxCore"], path: "Tests/Fixtures/softmax-stress",
            swiftSettings: strict),
        .executableTarget(
            name: "number-speed", dependencies: ["TensorJSON"], path: "Tests/Fixtures/number-speed",
            swiftSettings: strict),
        // Which way dependencies point, read from the sources; depends on none of them.
        .testTarget(name: "ArchitectureTests", swiftSettings: strict),
        .testTarget(
            name: "SoftmaxCoreTests", dependencies: ["SoftmaxCore", "CSoftmaxKernels"],
            exclude: ["Golden", "old-cpu"],
            swiftSettings: strict),
        .testTarget(name: "TensorJSONTests", dependencies: ["TensorJSON"], swiftSettings: strict),
        .testTarget(
            name: "HTTPServerTests", dependencies: ["HTTPServer", "CNGHTTP2"],
            exclude: ["Conformance/http1-cases.tsv"], swiftSettings: strict),
        // Everything over real sockets, run by itself (see the Makefile). Takes its cases, its replies' parser and its
        // HTTP/2 frames from the tests of the sessions.
        .testTarget(
            name: "SocketTests", dependencies: ["HTTPServer", "HTTPServerTests", "allocation-count"],
            swiftSettings: strict),
        .testTarget(
            name: "SoftmaxServiceTests", dependencies: ["SoftmaxService", "HTTPServer", "SoftmaxCore", "TensorJSON"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
