/// How a flat buffer of numbers is nested in arrays.
///
/// A *row* is an innermost array: it holds numbers, and at least one. Rows follow each other in the buffer without
/// gaps. A rectangular nesting is stored as its shape; any other as one small record per row, never as arrays of
/// arrays. Two layouts are equal exactly if they print the same brackets around rows of the same lengths.
public struct TensorLayout: Equatable, Sendable {
    /// One row of a nesting that is not rectangular.
    struct Row: Equatable, Sendable {
        // 8 bytes in all, since a body may hold a row in 4; documents are shorter than 4 GiB, so that 32 bits count.
        private let storedEnd: UInt32

        /// The arrays around rows that open just before it and close just after it.
        let brackets: Brackets

        init(end: Int, brackets: Brackets) {
            storedEnd = UInt32(end)
            self.brackets = brackets
        }

        /// The index after its last number.
        var end: Int { Int(storedEnd) }
    }

    /// Arrays that open before a row and close after it, the row's own brackets not counted.
    struct Brackets: Equatable, Sendable {
        var opens: UInt8
        var closes: UInt8
    }

    enum Nesting: Equatable, Sendable {
        case rectangular(shape: [Int])
        case irregular([Row])
    }

    let nesting: Nesting

    /// The number of rows.
    public let rows: Int

    /// The number of numbers.
    public let scalars: Int

    /// The layout of nested arrays of equal lengths, outermost first; the last length is that of the rows.
    ///
    /// `[4]` is one row of four numbers, `[3, 4]` three of them in an array. If a length is 0 the layout is that of the
    /// empty batch `[]`. There must be at least one length and at most 65, none negative, their product within `Int`.
    public init(shape: [Int]) {
        precondition(!shape.isEmpty && shape.count <= 65 && shape.allSatisfy { $0 >= 0 }, "a shape has lengths ≥ 0")
        guard !shape.contains(0) else {
            self = .emptyBatch
            return
        }
        var rows = 1
        for length in shape.dropLast() { rows *= length }
        self.init(nesting: .rectangular(shape: shape), rows: rows, scalars: rows * shape[shape.count - 1])
    }

    /// The layout of the empty batch `[]`.
    ///
    /// It has no rows; its shape is `[0]`.
    public static let emptyBatch = TensorLayout(nesting: .rectangular(shape: [0]), rows: 0, scalars: 0)

    private init(nesting: Nesting, rows: Int, scalars: Int) {
        self.nesting = nesting
        self.rows = rows
        self.scalars = scalars
    }

    /// A layout read row by row: kept as a shape if it has one.
    init(_ records: [Row]) {
        guard let last = records.last else {
            self = .emptyBatch
            return
        }
        if let shape = Self.shape(of: records) {
            self.init(nesting: .rectangular(shape: shape), rows: records.count, scalars: last.end)
        } else {
            self.init(nesting: .irregular(records), rows: records.count, scalars: last.end)
        }
    }

    /// The lengths of the nested arrays, outermost first and the rows' last; nil unless all of a level are equal.
    public var shape: [Int]? {
        guard case .rectangular(let shape) = nesting else { return nil }
        return shape
    }

    /// Whether all arrays of a level have equal lengths, so that there is a ``shape``.
    public var isRectangular: Bool {
        if case .rectangular = nesting { true } else { false }
    }

    /// The index of the row's first number.
    ///
    /// Rows count from 0.
    public func rowStart(_ row: Int) -> Int {
        precondition(row >= 0 && row < rows, "no such row")
        switch nesting {
        case .rectangular(let shape): return row * shape[shape.count - 1]
        case .irregular(let records): return row == 0 ? 0 : records[row - 1].end
        }
    }

    /// How many numbers the row holds: at least 1.
    public func rowLength(_ row: Int) -> Int {
        precondition(row >= 0 && row < rows, "no such row")
        switch nesting {
        case .rectangular(let shape): return shape[shape.count - 1]
        case .irregular(let records): return records[row].end - (row == 0 ? 0 : records[row - 1].end)
        }
    }

    /// Calls a closure for each row that has some of those numbers, with the columns that are among them; ends and
    /// returns false once the closure does.
    func forEachRow(in numbers: Range<Int>, _ body: (_ row: Int, _ columns: Range<Int>) -> Bool) -> Bool {
        // The last row that begins at or before the first number.
        var low = 0
        var high = rows
        while high - low > 1 {
            let middle = (low + high) / 2
            if rowStart(middle) <= numbers.lowerBound { low = middle } else { high = middle }
        }
        var row = low
        while row < rows, rowStart(row) < numbers.upperBound {
            let start = rowStart(row)
            let columns =
                max(0, numbers.lowerBound - start)..<min(rowLength(row), numbers.upperBound - start)
            guard body(row, columns) else { return false }
            row += 1
        }
        return true
    }

    /// The arrays that open before the row and close after it.
    func brackets(_ row: Int) -> Brackets {
        switch nesting {
        case .irregular(let records): return records[row].brackets
        case .rectangular(let shape):
            var brackets = Brackets(opens: 0, closes: 0)
            var period = 1
            for length in shape.dropLast().reversed() {
                period *= length
                let opens = row % period == 0
                let closes = (row + 1) % period == 0
                guard opens || closes else { break }
                if opens { brackets.opens += 1 }
                if closes { brackets.closes += 1 }
            }
            return brackets
        }
    }

    /// The shape that these rows, at least one, have in common with a rectangular nesting; nil if there is none.
    private static func shape(of records: [Row]) -> [Int]? {
        let depth = Int(records[0].brackets.opens)
        let length = records[0].end
        if records.count == 1 { return depth == 0 ? [length] : Array(repeating: 1, count: depth) + [length] }

        // At each level, counted from the rows outwards, arrays must close after equal numbers of rows.
        var periods = [Int](repeating: 0, count: depth)
        var lastClose = [Int](repeating: 0, count: depth)
        var open = 0
        var start = 0
        for (row, record) in records.enumerated() {
            open += Int(record.brackets.opens)
            guard open == depth, record.end - start == length else { return nil }
            start = record.end
            for level in 0..<Int(record.brackets.closes) {
                let period = row + 1 - lastClose[level]
                guard periods[level] == 0 || periods[level] == period else { return nil }
                periods[level] = period
                lastClose[level] = row + 1
            }
            open -= Int(record.brackets.closes)
        }
        var shape = [length]
        var inner = 1
        for period in periods {
            shape.append(period / inner)
            inner = period
        }
        return shape.reversed()
    }
}
