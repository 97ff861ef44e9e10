import Glibc
import HTTPServer
import Testing

@Suite("Dates")
struct DateTests {
    @Test(
        "a date is an IMF-fixdate",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ])
    func date(seconds: Int, text: String) {
        #expect(String(decoding: HTTPDate.format(seconds), as: UTF8.self) == text)
    }

    @Test("a date is made anew when the second changes")
    func cachedDate() {
        var date = HTTPDate(unixSeconds: 58)
        for (second, time) in [(59, "00:00:59"), (59, "00:00:59"), (60, "00:01:00")] {
            date.update(unixSeconds: second)
            let value = date.value
            let text = value.indices.map { value[$0] }
            #expect(String(decoding: text, as: UTF8.self) == "Thu, 01 Jan 1970 \(time) GMT")
        }
    }

    @Test("a moment is the same date that the C library makes of it")
    func civilDate() {
        var generator = SystemRandomNumberGenerator()
        let ends = [-62_167_219_200, -86_401, -86_400, -1, 0, 68_169_599, 68_169_600, 253_402_300_799]
        for seconds in ends + (0..<20_000).map({ _ in .random(in: ends[0]...ends[7], using: &generator) }) {
            let date = CivilDate(unixSeconds: seconds)
            var moment = time_t(seconds)
            var parts = tm()
            gmtime_r(&moment, &parts)
            #expect(date.year == Int(parts.tm_year) + 1900 && date.month == Int(parts.tm_mon) + 1, "\(seconds)")
            #expect(date.day == Int(parts.tm_mday) && date.weekday == Int(parts.tm_wday), "\(seconds)")
            let time = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { Int($0) }
            #expect([date.hour, date.minute, date.second] == time, "\(seconds)")
        }
    }

    @Test(
        "the last digits of a number, with zeros before it",
        arguments: [
            (0, 1, "0"), (7, 2, "07"), (1999, 4, "1999"), (1999, 2, "99"), (42, 6, "000042"),
        ])
    func digits(number: Int, count: Int, text: String) {
        var bytes: [UInt8] = []
        bytes.appendDigits(of: number, count: count)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }
}
