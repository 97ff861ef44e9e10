/// How many insertions, deletions and replacements of bytes lead from one name to the other (Levenshtein).
///
/// Time is the product of the lengths: for short names.
func editDistance(_ first: String, _ second: String) -> Int {
    let second = Array(second.utf8)
    var row = Array(0...second.count)
    for byte in first.utf8 {
        var diagonal = row[0]
        row[0] += 1
        for column in second.indices {
            let replaced = diagonal + (byte == second[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
        }
    }
    return row[second.count]
}

/// The name that somebody may have meant by one that is not known; `nil` where none is close.
///
/// Close is a third of the longer name's bytes at most: `logit` is close to `logits`, `instances` to nothing here. What a
/// client sends is cut to 64 bytes before it is compared.
package func closestName(to name: String, among known: [String]) -> String? {
    guard name.utf8.count <= 64 else { return nil }
    let closest = known.map { (name: $0, distance: editDistance($0, name)) }.min { $0.distance < $1.distance }
    guard let closest, 3 * closest.distance <= max(closest.name.utf8.count, name.utf8.count) + 2 else { return nil }
    return closest.name
}
