// libnghttp2 as the system has it (Debian: libnghttp2-dev, at least 1.52.0-1+deb12u3, for its security backports).
#include <nghttp2/nghttp2.h>
