/// A complete, validated request: a view of its head and its body where they were received.
///
/// Valid for the duration of one call. What is needed longer has to be copied; a body that was stored because it arrived
/// in parts is moved out by ``takeBody()`` without a copy.
public struct HTTPRequest: ~Copyable, ~Escapable {
    /// The head, alone in its span: a view, as a head is a large struct that every call would copy.
    private let heads: Span<RequestHead>
    /// The bytes that the head's slices refer to.
    package let bytes: Span<UInt8>
    /// The request's identifier.
    package let id: RequestID
    /// The handler's ``HTTPAdmission/route``.
    public package(set) var route = 0
    /// The body in the read buffer; empty where it is stored.
    private let arrived: Span<UInt8>
    /// The stored body; empty where it was received whole.
    private var collected: [UInt8]

    /// A request of the one head in that span and a body that was received whole, or of none.
    @_lifetime(copy heads, copy bytes, copy body)
    package init(_ heads: Span<RequestHead>, _ bytes: Span<UInt8>, id: RequestID, body: Span<UInt8> = Span()) {
        precondition(heads.count == 1, "a request has one head")
        self.heads = heads
        self.bytes = bytes
        self.id = id
        arrived = body
        collected = []
    }

    /// A request of the one head in that span and a body that was collected.
    @_lifetime(copy heads, copy bytes)
    package init(_ heads: Span<RequestHead>, _ bytes: Span<UInt8>, id: RequestID, collected: consuming [UInt8]) {
        precondition(heads.count == 1, "a request has one head")
        self.heads = heads
        self.bytes = bytes
        self.id = id
        arrived = Span()
        self.collected = collected
    }

    /// The head.
    package var head: RequestHead { @inline(__always) get { heads[0] } }

    /// The method.
    public var method: HTTPMethod { head.method }
    /// The version.
    public var version: HTTPVersion { head.version }

    /// The path in origin form, as sent (percent-encoded, begins with `/`), without the query; `*` for `OPTIONS *`.
    public var path: Span<UInt8> { @_lifetime(copy self) get { head.path(in: bytes) } }

    /// ``path`` as text.
    public var pathText: String { path.text }

    /// The request's identifier, as it stands in the reply.
    public var idText: String { id.text(bytes) }

    /// The only `Origin` (RFC 6454 section 7), as text; `nil` where there is none or more than one.
    public var originText: String? { only(.origin)?.text }

    /// The body, decoded of its transfer coding; trailers are dropped.
    public var body: Span<UInt8> {
        @_lifetime(borrow self) get { if collected.isEmpty { return arrived } else { return collected.span } }
    }

    /// How many bytes the body has.
    public var bodyCount: Int { collected.isEmpty ? arrived.count : collected.count }

    /// Moves the body out, or copies it from the read buffer, for work that outlives this call.
    @_lifetime(self: copy self)
    public mutating func takeBody() -> [UInt8] {
        if collected.isEmpty { return arrived.array }
        var taken: [UInt8] = []
        swap(&taken, &collected)
        return taken
    }

    /// The value of the only line of that field; `nil` where there is none or more than one.
    @_lifetime(copy self)
    package func only(_ field: RequestHead.Field) -> Span<UInt8>? {
        guard let slice = head.only(field) else { return nil }
        return bytes.extracting(slice.range)
    }

    /// Whether a list-valued field is not there or holds nothing but that token, in either case.
    package func hasOnlyToken(_ field: RequestHead.Field, _ token: StaticString) -> Bool {
        guard head.has(field) else { return true }
        let bytes = bytes
        var isOnly = true
        head.forEachValue(of: field, in: bytes) { value in
            bytes.forEachListElement(in: value) { element in
                isOnly = isOnly && bytes.extracting(element).equals(ignoringCase: token)
                return isOnly
            }
        }
        return isOnly
    }
}

/// A request whose head's bytes and body are in storage of their own.
package struct StoredRequest: Sendable {
    // Without values of their own, which every other initialiser would set first and then replace.
    package var head: RequestHead
    package var bytes: [UInt8]
    package var body: [UInt8]
    /// The route that the handler chose, where a body followed the head.
    package var route: Int?
    /// When its first byte or frame arrived, nanoseconds.
    package var since: UInt64

    /// An empty request.
    package init() { self.init(RequestHead(), [], body: [], route: nil, since: 0) }

    /// A request of those parts.
    @inline(__always)
    init(_ head: RequestHead, _ bytes: [UInt8], body: [UInt8], route: Int?, since: UInt64) {
        self.head = head
        self.bytes = bytes
        self.body = body
        self.route = route
        self.since = since
    }
}
