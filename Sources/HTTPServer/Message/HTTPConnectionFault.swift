/// Why the server ended a connection: what its peer sent out of all proportion, or against the protocol.
///
/// The raw value is the `reason` of the log and of the metrics.
public enum HTTPConnectionFault: String, Sendable, CaseIterable {
    /// More PING frames than requests and time allow.
    case pings = "ping"
    /// More SETTINGS frames.
    case settings = "settings"
    /// More PRIORITY frames.
    case priorities = "priority"
    /// More RST_STREAM frames: requests begun and given up without end (CVE-2023-44487).
    case resets = "reset"
    /// More frames and requests that oblige the server to reset a stream (CVE-2025-8671).
    case provokedResets = "provoked-reset"
    /// More requests beyond the limit on streams.
    case refusedStreams = "refused-stream"
    /// More WINDOW_UPDATE frames.
    case windowUpdates = "window-update"
    /// More DATA frames without content.
    case emptyData = "empty-data"
    /// More frames that break a rule without ending the connection.
    case invalidFrames = "invalid-frame"
    /// Acknowledgements of PING and SETTINGS that the peer does not read.
    case unreadAcknowledgements = "unread-acknowledgement"
    /// A field section in too many CONTINUATION frames.
    case continuations = "continuation"
    /// A connection error of RFC 9113 section 5.4.1.
    case protocolError = "protocol-error"
}
