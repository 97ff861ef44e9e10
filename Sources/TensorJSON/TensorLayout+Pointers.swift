extension TensorLayout {
    /// The JSON Pointer of a row, or of one number in it, below the member that holds the tensor.
    ///
    /// "/3/1" is the second number of the fourth row of a matrix, "" the only row of `[1, 2]`; "/logits" goes before.
    public func pointer(row: Int, column: Int?) -> String {
        precondition(row >= 0 && row < rows, "no such row")
        return Self.pointer(path(toRow: row) + (column.map { [$0] } ?? []))
    }

    /// The JSON Pointer, below its member, of the first place where this nesting differs from the other one.
    ///
    /// It names the innermost array that is there in both: one that has more elements in one of them, or holds numbers
    /// in one and arrays in the other. Nil if the nestings are equal.
    public func firstDifference(from other: TensorLayout) -> String? {
        guard self != other else { return nil }
        for row in 0..<min(rows, other.rows) {
            let mine = brackets(row)
            let others = other.brackets(row)
            if mine.opens != others.opens {
                let missing = Int(mine.opens) - Int(min(mine.opens, others.opens))
                return Self.pointer(path(toRow: row).dropLast(missing))
            }
            if rowLength(row) != other.rowLength(row) {
                return Self.pointer(path(toRow: row)[...])
            }
            if mine.closes != others.closes {
                return Self.pointer(path(toRow: row).dropLast(1 + Int(min(mine.closes, others.closes))))
            }
        }
        return ""
    }

    /// The index of the row in the outermost array, and so on inwards.
    private func path(toRow row: Int) -> [Int] {
        var path: [Int] = []
        guard case .irregular(let records) = nesting else {
            var rest = row
            for level in (0..<depth).reversed() {
                path.append(rest % length(level))
                rest /= length(level)
            }
            return path.reversed()
        }
        for record in records[...row] {
            if let last = path.indices.last { path[last] += 1 }
            path.append(contentsOf: repeatElement(0, count: Int(record.brackets.opens)))
            if record.end == records[row].end { break }
            path.removeLast(Int(record.brackets.closes))
        }
        return path
    }

    private static func pointer(_ path: some Sequence<Int>) -> String {
        path.reduce(into: "") { $0 += "/\($1)" }
    }
}
