extension TensorLayout {
    /// Appends the JSON of a range of rows: brackets and commas from the layout, the rows from a closure.
    ///
    /// The closure gets a row's index and appends that row's value: a list of numbers, an array of lists, any one JSON
    /// value. The pieces of consecutive ranges, put together, are what the whole range would give, so that pieces can
    /// be made on different threads. An empty batch is `[]`, with the closure not called.
    public func appendRows<Failure: Error>(
        _ range: Range<Int>, to output: inout [UInt8], row appendRow: (Int, inout [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "no such rows")
        if rows == 0 {
            output.append(contentsOf: [UInt8(ascii: "["), UInt8(ascii: "]")])
        }
        for row in range {
            appendOpening(row, to: &output)
            try appendRow(row, &output)
            appendClosing(row, to: &output)
        }
    }
}

extension TensorLayout {
    /// Appends what stands before a row's value: the comma after the row before, and the arrays that open there.
    ///
    /// With ``appendClosing(_:to:)`` for a row too long to be appended in one piece.
    public func appendOpening(_ row: Int, to output: inout [UInt8]) {
        if row > 0 { output.append(UInt8(ascii: ",")) }
        for _ in 0..<brackets(row).opens { output.append(UInt8(ascii: "[")) }
    }

    /// Appends what stands after a row's value: the arrays that close there.
    public func appendClosing(_ row: Int, to output: inout [UInt8]) {
        for _ in 0..<brackets(row).closes { output.append(UInt8(ascii: "]")) }
    }
}
