// Nanoseconds a number: reading and printing JSON numbers with simdjson and the C and C++ standard libraries.
// usage and output: as Tests/Fixtures/number-speed, which has the service's own way.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <simdjson.h>

namespace {

/// Prints the best of five passes; each returns something that depends on all its numbers.
template <typename Pass>
void measure(const char *name, const char *what, size_t numbers, Pass pass) {
    double best = INFINITY;
    for (int i = 0; i < 5; ++i) {
        const auto start = std::chrono::steady_clock::now();
        const double check = pass();
        const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
        // A pass whose result nobody looks at need not be run by an optimiser.
        if (!std::isfinite(check)) { std::exit(1); }
        best = std::min(best, taken.count() / double(numbers));
    }
    std::printf("%s\t%s\t%.2f\n", name, what, best);
}

/// Every number of the array, one after the other, by `convert`: from a position to the position after its number.
template <typename Convert>
std::vector<double> each_number(const simdjson::padded_string &text, Convert convert) {
    std::vector<double> values;
    const char *end = text.data() + text.size();
    const char *at = static_cast<const char *>(std::memchr(text.data(), '[', text.size()));
    while (at && *at != ']') {
        double value = NAN;
        at = convert(at + 1, end, value);
        values.push_back(value);
    }
    return values;
}

std::vector<double> by_from_chars(const simdjson::padded_string &text) {
    return each_number(text, [](const char *at, const char *end, double &value) {
        return std::from_chars(at, end, value).ptr;
    });
}

std::vector<double> by_strtod(const simdjson::padded_string &text) {
    return each_number(text, [](const char *at, const char *, double &value) {
        char *after;
        value = std::strtod(at, &after);
        return static_cast<const char *>(after);
    });
}

std::vector<double> by_on_demand(simdjson::ondemand::parser &parser, const simdjson::padded_string &text) {
    std::vector<double> values;
    auto document = parser.iterate(text);
    for (auto element : document["logits"].get_array()) { values.push_back(element.get_double().value()); }
    return values;
}

std::vector<double> by_dom(simdjson::dom::parser &parser, const simdjson::padded_string &text) {
    std::vector<double> values;
    const simdjson::dom::element document = parser.parse(text);
    for (auto element : simdjson::dom::array(document["logits"])) { values.push_back(element.get_double().value()); }
    return values;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 2) { return 64; }
    const simdjson::padded_string text = simdjson::padded_string::load(argv[1]);
    const std::vector<double> values = by_from_chars(text);
    simdjson::ondemand::parser on_demand;
    simdjson::dom::parser dom;
    if (values != by_strtod(text) || values != by_on_demand(on_demand, text) || values != by_dom(dom, text)) {
        std::fprintf(stderr, "the libraries read different numbers\n");
        return 1;
    }

    measure("simdjson On-Demand", "read", values.size(), [&] { return by_on_demand(on_demand, text).back(); });
    measure("simdjson DOM", "read", values.size(), [&] { return by_dom(dom, text).back(); });
    measure("<charconv>", "read", values.size(), [&] { return by_from_chars(text).back(); });
    measure("strtod, printf %.17g", "read", values.size(), [&] { return by_strtod(text).back(); });

    std::vector<char> output(values.size() * 32);
    measure("<charconv>", "print", values.size(), [&] {
        char *at = output.data();
        for (double value : values) {
            at = std::to_chars(at, at + 31, value).ptr;
            *at++ = ',';
        }
        return double(at - output.data());
    });
    measure("strtod, printf %.17g", "print", values.size(), [&] {
        char *at = output.data();
        for (double value : values) { at += std::sprintf(at, "%.17g,", value); }
        return double(at - output.data());
    });
}
