/// Why a request body was refused, and where.
///
/// The kinds `syntax`, `duplicateMember` and `depth` say that the body is not acceptable as JSON (HTTP 400),
/// `elements` that it is too much (413); all others that it is JSON which means nothing here (422).
public struct TensorJSONError: Error, Equatable, Sendable {
    /// What is wrong, in one word.
    public enum Kind: Hashable, Sendable, CaseIterable {
        /// Not a JSON text (RFC 8259): grammar, UTF-8, escapes, or something after its end.
        case syntax
        /// A member's name occurs twice, possibly spelled with different escapes.
        case duplicateMember
        /// Arrays or objects nested deeper than ``TensorLimits/depth``.
        case depth
        /// More values in one member than ``TensorLimits/elements``.
        case elements
        /// A member the request does not have.
        case unknownMember
        /// A member the request must have.
        case missingMember
        /// A value of another type than the member takes.
        case type
        /// A number outside the range of the type it is read as.
        case range
        /// A sample with no classes: an innermost array without elements.
        case noClasses
        /// Nestings that should be equal and are not.
        case shape
    }

    /// What is wrong.
    public var kind: Kind

    /// One English sentence: what, where, which limit.
    public var detail: String

    /// The value that is wrong, as an RFC 6901 JSON Pointer into the request body; "" is the whole of it.
    public var pointer: String?

    /// The byte of the body, counted from 0, where that value or the offending token starts.
    public var offset: Int?

    /// With the kinds `depth` and `elements`: the limit that was passed.
    public var limit: Int?

    /// An error with everything that is known of it.
    public init(_ kind: Kind, _ detail: String, pointer: String? = nil, offset: Int? = nil, limit: Int? = nil) {
        self.kind = kind
        self.detail = detail
        self.pointer = pointer
        self.offset = offset
        self.limit = limit
    }

    /// The error for a member that has to be there and is not.
    public static func missingMember(_ name: StaticString) -> TensorJSONError {
        TensorJSONError(.missingMember, "The member \"\(name)\" is required.", pointer: "")
    }
}
