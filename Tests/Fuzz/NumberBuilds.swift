import CNumberText

/// The builds of the number code that this processor can run.
func supportedBuilds() -> [number_text_build] {
    var builds: [number_text_build] = []
    var index = 0
    while let build = number_text_build_at(index)?.pointee {
        if build.is_supported() { builds.append(build) }
        index += 1
    }
    return builds
}
