import CNumberText
import CSimdjson

/// Where the tokens of a document are: simdjson's answer, released with the value.
struct TokenIndex: ~Copyable {
    private let index: OpaquePointer

    /// Finds the tokens of a document.
    init(_ body: [UInt8]) throws(Failure) {
        Work.count(body.count)
        var index: OpaquePointer?
        let status = body.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return csimdjson_empty }
            return csimdjson_index_create(base, bytes.count, &index)
        }
        guard status == csimdjson_ok, let index else {
            switch status {
            case csimdjson_empty: throw .empty
            case csimdjson_malformed: throw .malformed
            default: throw .tooLarge
            }
        }
        self.index = index
    }

    deinit {
        csimdjson_index_release(index)
    }

    /// Why there is no index.
    enum Failure: Error {
        /// No token at all.
        case empty
        /// Not UTF-8, a string without an end, a control character in a string.
        case malformed
        /// Too large for the index's offsets or for the memory there is.
        case tooLarge
    }

    /// Shows the tokens with the bytes they were found in: the array that the index was made from.
    func withTokens<Result, Failure: Error>(
        in body: [UInt8], _ use: (Tokens) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body.withUnsafeBufferPointer { bytes throws(Failure) in
            guard let base = bytes.baseAddress else { preconditionFailure("an index is never made of nothing") }
            return try use(
                Tokens(
                    number_text_tokens(
                        bytes: base, byte_count: bytes.count, offsets: csimdjson_index_tokens(index),
                        count: csimdjson_index_count(index))))
        }
    }
}
