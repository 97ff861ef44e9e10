/// Problems as responses: `application/problem+json` (RFC 9457).
extension HTTPProblem {
    /// The response that tells of this problem, with `Allow`, `Retry-After` and `Accept-Encoding` where the problem has them.
    ///
    /// - Parameters:
    ///   - requestID: the request's identifier, repeated in the body's `request_id`.
    ///   - types: what ``slug`` follows in the body's `type`: the service's own address for kinds of problems.
    public func response(requestID: String, types: String) -> HTTPResponse {
        var response = HTTPResponse(status: status, body: .bytes(json(requestID: requestID, types: types)))
        response.fields.append("content-type", "application/problem+json")
        if let allow { response.fields.append("allow", allow) }
        if let retryAfter { response.fields.append("retry-after", String(retryAfter)) }
        if let acceptEncoding { response.fields.append("accept-encoding", acceptEncoding) }
        return response
    }

    /// The body: one JSON object in UTF-8.
    ///
    /// `error` repeats `detail` for clients that look for nothing else.
    private func json(requestID: String, types: String) -> [UInt8] {
        let type = types + slug
        let strings = type.utf8.count + title.utf8.count + 2 * detail.utf8.count + requestID.utf8.count
        var json: [UInt8] = []
        // Beside those strings, of which a byte takes six at most: names and two numbers, below 200 bytes.
        json.write(atMost: 200 + 6 * (strings + (pointer?.utf8.count ?? 0))) { text in
            text.append(#"{"type":"#)
            text.appendJSON(type)
            text.append(#","title":"#)
            text.appendJSON(title)
            text.append(#","status":"#)
            text.appendDecimal(status)
            text.append(#","detail":"#)
            text.appendJSON(detail)
            if let pointer {
                text.append(#","pointer":"#)
                text.appendJSON(pointer)
            }
            if let limit {
                text.append(#","limit":"#)
                text.appendDecimal(limit)
            }
            text.append(#","request_id":"#)
            text.appendJSON(requestID)
            text.append(#","error":"#)
            text.appendJSON(detail)
            text.append("}\n")
        }
        return json
    }
}
