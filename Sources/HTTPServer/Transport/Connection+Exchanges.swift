// Requests and their replies.
extension Connection {
    /// Takes the session's events and answers them, as far as output does not pile up.
    ///
    /// A request costs one of the budget and one more for each KiB that its answer queues: a client that pipelines large
    /// answers has its turn, as others have theirs. Returns whether all are taken.
    func takeEvents(_ budget: inout Int, on loop: EventLoop) -> Bool {
        let highWater = loop.context.configuration.limits.outputHighWater
        while budget > 0, session.outputCount < highWater {
            guard let event = session.nextEvent() else { return true }
            let queued = session.outputCount
            defer { budget -= 1 + (session.outputCount - queued) / 1024 }
            switch consume event {
            case .request(let request, let stream):
                answer(request, stream, on: loop)
            case .refused(let problem, let stream, let request):
                refuse(problem, stream, request, on: loop)
            case .cancelled(let stream):
                // A reply that is all on its way is past giving up: then the session only says that it wants no body.
                if let index = exchanges.firstIndex(where: { $0.stream == stream && $0.endsAt == nil }) {
                    abandon(exchanges.remove(at: index), on: loop)
                }
            }
        }
        return false
    }

    /// Hands a request to the handler and begins its reply, or its work.
    private func answer(_ request: consuming HTTPRequest, _ stream: Int, on loop: EventLoop) {
        let context = loop.context
        requests += 1
        if request.id.isEmpty { request.id = loop.nextRequestID() }
        var exchange = Exchange(
            stream: stream, startedAt: loop.now, record: record(of: request, on: loop), fields: request.fields)
        if isReserved || loop.isDraining { session.drain() }
        if isReserved, !context.configuration.isProbe(request.path) {
            fail(&exchange, unavailable("All connections are taken.", on: loop), on: loop)
        } else {
            take(context.handler.respond(to: request), &exchange, on: loop)
        }
        exchanges.append(exchange)
    }

    /// Begins a reply, or the work for it where the budget has room.
    private func take(_ reply: consuming HTTPReply, _ exchange: inout Exchange, on loop: EventLoop) {
        switch consume reply {
        case .ready(let response):
            begin(response, &exchange, on: loop)
        case .deferred(let cost, let replyBytes, let run):
            let context = loop.context
            if let ticket = context.status.makeTicket(cost: cost, budget: context.configuration.workBudget) {
                submit(run, ticket, replyBytes: replyBytes, &exchange, on: loop)
            } else {
                fail(&exchange, overBudget(on: loop), on: loop)
            }
        }
    }

    /// Answers a request that the session refused.
    private func refuse(_ problem: HTTPProblem, _ stream: Int, _ refused: HTTPRefusedRequest, on loop: EventLoop) {
        requests += 1
        var request = refused.head
        let sent = request.fields.requestID
        request.id = sent.isEmpty ? loop.nextRequestID() : sent
        var exchange = Exchange(
            stream: stream, startedAt: refused.since, record: record(of: request, on: loop), fields: request.fields)
        if isReserved || loop.isDraining { session.drain() }
        fail(&exchange, problem, on: loop)
        exchanges.append(exchange)
    }

    private func record(of request: borrowing HTTPRequest, on loop: EventLoop) -> HTTPAccessRecord {
        let traceparent = request.fields.only("traceparent")
        return HTTPAccessRecord(
            method: request.method.rawValue, path: request.path, version: request.version, status: 0,
            requestBytes: request.body.count, responseBytes: 0, duration: 0, requestID: request.id,
            traceparent: traceparent.flatMap { Traceparent.isValid($0) ? $0 : nil }, peer: peer,
            client: loop.context.configuration.trustedProxies.client(peer: peer, request.fields),
            userAgent: request.fields.first("user-agent", atMost: 256), problem: nil,
            isComplete: false)
    }

    func unavailable(_ detail: String, on loop: EventLoop) -> HTTPProblem {
        .serviceUnavailable(detail, retryAfter: loop.context.configuration.retryAfter)
    }

    private func overBudget(on loop: EventLoop) -> HTTPProblem { unavailable("The work budget is full.", on: loop) }

    private func fail(_ exchange: inout Exchange, _ problem: HTTPProblem, on loop: EventLoop) {
        exchange.record.problem = problem.slug
        var response = problem.response(requestID: exchange.record.requestID)
        loop.context.handler.complete(&response, for: exchange.fields)
        begin(response, &exchange, on: loop)
    }

    private func submit(
        _ run: @escaping @Sendable (HTTPWorkTicket) -> HTTPResponse?, _ ticket: HTTPWorkTicket, replyBytes: Int,
        _ exchange: inout Exchange, on loop: EventLoop
    ) {
        let work = Work(ticket)
        let (id, stream, mailbox, isHead) = (id, exchange.stream, loop.mailbox, exchange.record.method == "HEAD")
        let job = loop.context.pool.submit {
            guard !ticket.isCancelled else { return }
            let response = run(ticket)
            var piece: BodyPiece?
            if case .stream(let source)? = response?.body, response?.hasContent(isForHead: isHead) == true {
                guard !ticket.isCancelled else { return }
                piece = BodyPiece(of: source)
            }
            mailbox.post(.reply(id, stream: stream, response, piece))
        }
        work.begin(job, deadline: exchange.startedAt &+ loop.context.deadlines.request)
        exchange.work = work
        // Any number above fills the room as well; the sum of those of all streams must not overflow.
        session.expect(replyBytes: min(replyBytes, 1 << 40), for: stream)
    }

    /// Begins the reply: all of it, or its head where the body is made piece by piece.
    private func begin(_ response: HTTPResponse, _ exchange: inout Exchange, on loop: EventLoop) {
        exchange.record.status = response.status
        exchange.fields = HTTPFields()
        session.respond(
            response, to: exchange.stream, date: loop.date.bytes, requestID: exchange.record.requestID)
        let hasContent = response.hasContent(isForHead: exchange.record.method == "HEAD")
        switch response.body {
        case .bytes(let bytes):
            if hasContent { exchange.record.responseBytes = bytes.count }
            end(&exchange, on: loop)
        case .stream(let source):
            if hasContent {
                let work = exchange.work ?? Work(HTTPWorkTicket())
                work.source = source
                exchange.work = work
            } else {
                end(&exchange, on: loop)
            }
        }
    }

    /// All of the reply is made.
    private func end(_ exchange: inout Exchange, on loop: EventLoop) {
        exchange.work?.release()
        exchange.work = nil
        exchange.isMade = true
        noteEnd(&exchange)
    }

    /// Notes where a reply ends, once the session holds none of it back.
    private func noteEnd(_ exchange: inout Exchange) {
        if exchange.isMade, exchange.endsAt == nil, !session.holdsReply(of: exchange.stream) {
            exchange.endsAt = written &+ UInt64(session.outputCount)
        }
    }

    /// Deferred work is done.
    ///
    /// What comes for a request that is gone is dropped.
    func receive(_ response: HTTPResponse?, _ piece: BodyPiece?, for stream: Int, on loop: EventLoop) {
        guard isOpen, let index = indexOfWork(for: stream), let work = exchanges[index].work else { return }
        guard let response, piece?.progress != .failed else {
            work.release()
            exchanges[index].work = nil
            fail(&exchanges[index], response == nil ? overBudget(on: loop) : .internalError(), on: loop)
            advance(on: loop)
            return
        }
        if piece == nil { work.endJob() }
        begin(response, &exchanges[index], on: loop)
        if let piece, !take(piece, at: index, work, on: loop) { return }
        advance(on: loop)
    }

    /// A piece of a streamed body is made, or none is there yet, or none can be made.
    func receive(_ piece: BodyPiece, for stream: Int, on loop: EventLoop) {
        guard isOpen, let index = indexOfWork(for: stream), let work = exchanges[index].work else { return }
        if take(piece, at: index, work, on: loop) { advance(on: loop) }
    }

    /// The exchange of that stream, where the pool works for it.
    private func indexOfWork(for stream: Int) -> Int? {
        exchanges.firstIndex { $0.stream == stream && $0.work?.job != nil }
    }

    /// Takes what came of a piece; `false` where the connection is closed with it.
    private func take(_ piece: BodyPiece, at index: Int, _ work: Work, on loop: EventLoop) -> Bool {
        let stream = exchanges[index].stream
        // However long the piece turned out to be, what was expected has come.
        session.expect(replyBytes: 0, for: stream)
        switch piece.progress {
        case .failed:
            work.endJob()
            exchanges[index].record.problem = HTTPProblemKind.internalError.slug
            return cut(at: index, on: loop)
        case .more where piece.parts.allSatisfy(\.isEmpty):
            if !work.endEmptyJob(now: loop.now) {
                work.endJob()
                return cut(at: index, on: loop)
            }
        case .more, .last:
            work.endJob()
            for part in piece.parts {
                exchanges[index].record.responseBytes += part.count
                session.write(part, to: stream, isLast: false)
            }
            if piece.progress == .last {
                session.write([], to: stream, isLast: true)
                end(&exchanges[index], on: loop)
            }
        }
        return true
    }

    /// Has the pool make the next piece of every streamed body whose client takes it.
    ///
    /// One piece at a time per stream; the streams of a connection do not wait for each other.
    func askForPieces(on loop: EventLoop) {
        for index in exchanges.indices {
            guard let work = exchanges[index].work, let source = work.source, work.isReady(now: loop.now),
                session.wantsBody(of: exchanges[index].stream)
            else { continue }
            let (id, stream, mailbox) = (id, exchanges[index].stream, loop.mailbox)
            let ticket = work.ticket
            let job = loop.context.pool.submit {
                guard !ticket.isCancelled else { return }
                mailbox.post(.piece(id, stream: stream, BodyPiece(of: source)))
            }
            work.beginPiece(job, now: loop.now, span: loop.context.deadlines.request)
            session.expect(replyBytes: Work.pieceBytes, for: stream)
        }
    }

    /// By when the compute pool has to be done, or a source that had nothing is asked again.
    var workDeadline: UInt64 {
        exchanges.reduce(.max) { min($0, $1.work?.deadline ?? .max, $1.work?.resumesAt ?? .max) }
    }

    /// Gives up work that took too long: 503, or a cut reply where it has begun.
    func expireWork(on loop: EventLoop) {
        for index in exchanges.indices {
            guard let work = exchanges[index].work, work.deadline <= loop.now else { continue }
            if exchanges[index].record.status == 0 {
                work.cancel(loop.context)
                exchanges[index].work = nil
                fail(&exchanges[index], unavailable("The request took too long.", on: loop), on: loop)
            } else if !cut(at: index, on: loop) {
                return
            }
        }
    }

    /// Cuts a reply that has begun, so that its client sees that it is not whole; `false` where the connection is closed
    /// with it.
    ///
    /// An HTTP/1.0 client takes the end of the connection for the end of the body: it gets a reset instead.
    private func cut(at index: Int, on loop: EventLoop) -> Bool {
        exchanges[index].work?.cancel(loop.context)
        exchanges[index].work = nil
        if exchanges[index].record.version == .http1_0 {
            close(on: loop)
            return false
        }
        session.abort(exchanges[index].stream)
        return true
    }

    /// Tells of the requests whose replies are out.
    func finishExchanges(on loop: EventLoop) {
        var out = 0
        for index in exchanges.indices {
            noteEnd(&exchanges[index])
            guard let end = exchanges[index].endsAt, end <= written else { continue }
            out += 1
            exchanges[index].record.isComplete = true
            loop.report(&exchanges[index])
        }
        guard out > 0 else { return }
        if out == exchanges.count {
            while exchanges.popLast() != nil {}
        } else {
            exchanges.removeAll { $0.record.isComplete }
        }
    }

    /// Nobody waits for what is unfinished.
    func abandonExchanges(on loop: EventLoop) {
        while let exchange = exchanges.popLast() { abandon(exchange, on: loop) }
    }

    private func abandon(_ exchange: consuming Exchange, on loop: EventLoop) {
        exchange.work?.cancel(loop.context)
        loop.report(&exchange)
    }
}
