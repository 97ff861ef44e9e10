/// How a flat buffer of numbers is nested in arrays.
///
/// A *row* is an innermost array: it holds numbers, and at least one. Rows follow each other in the buffer without
/// gaps. A rectangular nesting is stored as its lengths; any other as one small record per row, never as arrays of
/// arrays. Two layouts are equal exactly if they print the same brackets around rows of the same lengths.
public struct TensorLayout: Equatable, Sendable {
    /// One row of a nesting that is not rectangular.
    struct Row: Equatable, Sendable {
        // 8 bytes in all, since a body may hold a row in 4; documents are shorter than 4 GiB, so that 32 bits count.
        private let storedEnd: UInt32

        /// The arrays around rows that open just before it and close just after it.
        var brackets: Brackets

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

    /// What the counts do not say: nothing of a row or a matrix, so that these take no memory.
    enum Nesting: Equatable, Sendable {
        /// Rows of equal length, in one array or, a single one, in none.
        case plain
        /// Rows of equal length in arrays whose lengths are equal at each level: those lengths, outermost first, but for
        /// the outermost array, which holds all that there is.
        case rectangular(inner: [Int])
        /// Any other.
        case irregular([Row])
    }

    let nesting: Nesting

    /// How many arrays there are around a row at most.
    let depth: Int

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
        let inner = Array(shape.dropLast().dropFirst())
        self.init(
            nesting: inner.isEmpty ? .plain : .rectangular(inner: inner), depth: shape.count - 1, rows: rows,
            scalars: rows * shape[shape.count - 1])
    }

    /// The layout of the empty batch `[]`.
    ///
    /// It has no rows; its shape is `[0]`.
    public static let emptyBatch = TensorLayout(nesting: .plain, depth: 0, rows: 0, scalars: 0)

    /// The layout of one row of that many numbers, at least one, in no other array.
    init(row scalars: Int) {
        self.init(nesting: .plain, depth: 0, rows: 1, scalars: scalars)
    }

    private init(nesting: Nesting, depth: Int, rows: Int, scalars: Int) {
        self.nesting = nesting
        self.depth = depth
        self.rows = rows
        self.scalars = scalars
    }

    /// A layout read row by row: kept as lengths if it has a shape.
    init(_ records: [Row]) {
        guard let last = records.last else {
            self = .emptyBatch
            return
        }
        let (nesting, depth) = Self.nesting(of: records)
        self.init(nesting: nesting, depth: depth, rows: records.count, scalars: last.end)
    }

    /// The lengths of the nested arrays, outermost first and the rows' last; nil unless all of a level are equal.
    public var shape: [Int]? {
        isRectangular ? (0..<rank).map(length) : nil
    }

    /// How many levels of arrays there are at most, the rows among them.
    public var rank: Int { depth + 1 }

    /// The length of the arrays of a level, the outermost being level 0, of a nesting that has a ``shape``.
    public func length(_ level: Int) -> Int {
        precondition(isRectangular && level >= 0 && level <= depth, "no such level")
        if level == depth { return rows == 0 ? 0 : scalars / rows }
        guard case .rectangular(let inner) = nesting else { return rows }
        return level == 0 ? rows / inner.reduce(1, *) : inner[level - 1]
    }

    /// Whether all arrays of a level have equal lengths, so that there is a ``shape``.
    public var isRectangular: Bool {
        if case .irregular = nesting { false } else { true }
    }

    /// The index of the row's first number.
    ///
    /// Rows count from 0.
    public func rowStart(_ row: Int) -> Int {
        precondition(row >= 0 && row < rows, "no such row")
        guard case .irregular(let records) = nesting else { return row * (scalars / rows) }
        return row == 0 ? 0 : records[row - 1].end
    }

    /// How many numbers the row holds: at least 1.
    public func rowLength(_ row: Int) -> Int {
        precondition(row >= 0 && row < rows, "no such row")
        guard case .irregular(let records) = nesting else { return scalars / rows }
        return records[row].end - (row == 0 ? 0 : records[row - 1].end)
    }

    /// The arrays that open before the row and close after it.
    func brackets(_ row: Int) -> Brackets {
        if case .irregular(let records) = nesting { return records[row].brackets }
        var brackets = Brackets(opens: 0, closes: 0)
        if depth == 0 { return brackets }
        var period = 1
        for level in (0..<depth).reversed() {
            period = level == 0 ? rows : period * length(level)
            let opens = row % period == 0
            let closes = (row + 1) % period == 0
            guard opens || closes else { break }
            if opens { brackets.opens += 1 }
            if closes { brackets.closes += 1 }
        }
        return brackets
    }

    /// How these rows, at least one, are nested.
    private static func nesting(of records: [Row]) -> (nesting: Nesting, depth: Int) {
        let depth = Int(records[0].brackets.opens)
        let length = records[0].end
        var deepest = 0
        var isRectangular = true
        // At each level but the outermost, counted from the rows outwards, arrays must close after equal numbers of rows.
        let inner = max(0, depth - 1)
        var periods = [Int](repeating: 0, count: inner)
        var lastClose = [Int](repeating: 0, count: inner)
        var open = 0
        var start = 0
        for (row, record) in records.enumerated() {
            open += Int(record.brackets.opens)
            deepest = max(deepest, open)
            isRectangular = isRectangular && open == depth && record.end - start == length
            start = record.end
            if isRectangular {
                for level in 0..<min(inner, Int(record.brackets.closes)) {
                    let period = row + 1 - lastClose[level]
                    isRectangular = isRectangular && (periods[level] == 0 || periods[level] == period)
                    periods[level] = period
                    lastClose[level] = row + 1
                }
            }
            open -= Int(record.brackets.closes)
        }
        guard isRectangular else { return (.irregular(records), deepest) }
        var lengths: [Int] = []
        var below = 1
        for period in periods {
            lengths.append(period / below)
            below = period
        }
        return (lengths.isEmpty ? .plain : .rectangular(inner: lengths.reversed()), depth)
    }
}
