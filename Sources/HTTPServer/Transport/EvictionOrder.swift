/// The idle connections of a loop by slot, in the order in which they became idle: least recently used first.
///
/// A list linked through arrays, so that noting a connection costs the same however many there are: every request notes
/// one.
package struct EvictionOrder: Sendable {
    private struct Link: Sendable {
        var older: Int?
        var newer: Int?
        var isListed = false
    }

    private var links: [Link] = []
    /// The slot that has been idle longest.
    package private(set) var oldest: Int?
    private var newest: Int?

    /// Nothing idle.
    package init() {}

    /// That slot has become idle, or so again: it comes last.
    package mutating func append(_ slot: Int) {
        if newest == slot { return }
        remove(slot)
        while links.count <= slot { links.append(Link()) }
        links[slot] = Link(older: newest, newer: nil, isListed: true)
        if let newest { links[newest].newer = slot } else { oldest = slot }
        newest = slot
    }

    /// That slot is not idle any more; no effect where it was not.
    package mutating func remove(_ slot: Int) {
        guard links.indices.contains(slot), links[slot].isListed else { return }
        let link = links[slot]
        if let older = link.older { links[older].newer = link.newer } else { oldest = link.newer }
        if let newer = link.newer { links[newer].older = link.older } else { newest = link.older }
        links[slot] = Link()
    }
}
