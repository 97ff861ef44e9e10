import HTTPServer

/// The text of `GET /metrics` in Prometheus's exposition format 0.0.4.
struct Metrics {
    private var text = ""

    /// The server's counters and gauges; `log` is the access log's writer, if there is an access log.
    init(_ status: HTTPServerStatus, workBudget: Int, log: LogWriter?) {
        let counts = status.counts
        add("softmaxd_build_info", "gauge", "The version, as a label.", 1, labels: "{version=\"\(Version.current)\"}")
        add("softmaxd_connections_open", "gauge", "Connections open now.", status.openConnections)
        add("softmaxd_connections_accepted_total", "counter", "Connections accepted.", counts.accepted)
        add(
            "softmaxd_accept_pauses_total", "counter", "Times accepting paused: no seat or descriptor, or an error.",
            counts.acceptPauses)
        add(
            "softmaxd_accept_errors_total", "counter",
            "Times accept(2) failed for another reason than one connection or a lack of descriptors.",
            counts.acceptErrors)
        header("softmaxd_connections_ended_total", "counter", "Connections ended for what their peers sent, by reason.")
        for fault in HTTPConnectionFault.allCases {
            let count = counts.faults[fault] ?? 0
            text += "softmaxd_connections_ended_total{reason=\"\(fault.rawValue)\"} \(count)\n"
        }
        header("softmaxd_replies_total", "counter", "Replies by class of status.")
        for (index, count) in counts.statusClasses.enumerated() {
            text += "softmaxd_replies_total{class=\"\(index + 1)xx\"} \(count)\n"
        }
        add(
            "softmaxd_refused_total", "counter", "Requests the HTTP server refused by itself: not HTTP, over a limit.",
            counts.refused)
        add(
            "softmaxd_incomplete_total", "counter", "Requests that ended before their whole reply was sent.",
            counts.incomplete)
        add("softmaxd_request_bytes_total", "counter", "Content received.", counts.requestBytes)
        add("softmaxd_response_bytes_total", "counter", "Content sent.", counts.responseBytes)
        add("softmaxd_work_numbers", "gauge", "Numbers in and out of large requests at work.", status.workCost)
        add("softmaxd_work_budget_numbers", "gauge", "The most of them; past it 503.", workBudget)
        add("softmaxd_body_bytes", "gauge", "Bytes of unfinished bodies beyond 64 KiB a connection.", status.bodyBytes)
        add(
            "softmaxd_log_lines_lost_total", "counter",
            "Lines of the access log that were not written: its reader was too slow or gone, or the disk full.",
            log?.lostLines ?? 0)
        add("softmaxd_draining", "gauge", "1 once the server is shutting down.", status.isDraining ? 1 : 0)
    }

    /// The text in UTF-8.
    var bytes: [UInt8] { Array(text.utf8) }

    private mutating func header(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func add(_ name: String, _ type: String, _ help: String, _ value: Int, labels: String = "") {
        header(name, type, help)
        text += "\(name)\(labels) \(value)\n"
    }
}
