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
