// accept4(2) is a GNU extension. The macro stays out of the header: there it would change how Glibc is imported.
#define _GNU_SOURCE
#include "CEpoll.h"

int cepoll_accept(int listener, struct sockaddr_storage *peer) {
    socklen_t length = sizeof *peer;
    return accept4(listener, (struct sockaddr *)peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
