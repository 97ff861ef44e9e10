// One build of printing and reading. Included once for each instruction set, in a namespace of its own.

#include "printing.h"
#include "reading.h"

ptrdiff_t print_text(const void *numbers, size_t count, number_text_format format, uint8_t *text) {
    if (count == 0) { return 0; }
    char *const start = reinterpret_cast<char *>(text);
    const char *const end = format == number_text_binary64 ? print(static_cast<const double *>(numbers), count, start)
                                                           : print(static_cast<const float *>(numbers), count, start);
    return end ? end - start - 1 : -1;
}

number_text_result read_text(
    const uint8_t *text, size_t count, number_text_format format, bool infinities, void *numbers, size_t room) {
    return format == number_text_binary64 ? read(text, text + count, infinities, static_cast<double *>(numbers), room)
                                          : read(text, text + count, infinities, static_cast<float *>(numbers), room);
}
