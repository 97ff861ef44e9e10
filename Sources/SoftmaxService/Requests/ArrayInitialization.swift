extension Array {
    /// Appends `count` elements, all of which `initialize` has to initialize.
    ///
    /// Nothing is appended if it throws. At least one element is reserved: for an empty array the standard library
    /// would write the count of the empty-array storage, which all threads share.
    @inline(__always)
    mutating func append<E>(
        count added: Int, initializingWith initialize: (UnsafeMutableBufferPointer<Element>) throws(E) -> Void
    ) throws(E) {
        try append(addingCapacity: Swift.max(1, added)) { output throws(E) in
            try output.withUnsafeMutableBufferPointer { buffer, initialized throws(E) in
                try initialize(UnsafeMutableBufferPointer(rebasing: buffer[..<added]))
                initialized = added
            }
        }
    }
}
