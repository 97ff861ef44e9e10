// Linux calls that Swift's Glibc module leaves out.
#ifndef C_EPOLL_H
#define C_EPOLL_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC. Fills in the peer's address; -1 and errno on failure.
int cepoll_accept(int listener, struct sockaddr_storage *_Nonnull peer);

/// Has a listening socket drop every SYN, while connections whose handshake has begun can still be accepted
/// (SO_ATTACH_FILTER, socket(7)); -1 and errno on failure.
int cepoll_refuse_handshakes(int listener);

/// The processors that the calling thread may run on (sched_getaffinity(2)); 1 at least.
int cepoll_processors(void);

#endif
