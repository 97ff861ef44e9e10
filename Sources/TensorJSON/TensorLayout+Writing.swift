extension TensorLayout {
    /// Appends what stands before a row's value: the comma after the row before, and the arrays that open there.
    ///
    /// What stands there takes ``rank`` bytes at most.
    public func appendOpening(_ row: Int, to output: inout OutputSpan<UInt8>) {
        if row > 0 { output.append(UInt8(ascii: ",")) }
        for _ in 0..<brackets(row).opens { output.append(UInt8(ascii: "[")) }
    }

    /// Appends what stands after a row's value: the arrays that close there, less than ``rank``.
    public func appendClosing(_ row: Int, to output: inout OutputSpan<UInt8>) {
        for _ in 0..<brackets(row).closes { output.append(UInt8(ascii: "]")) }
    }
}
