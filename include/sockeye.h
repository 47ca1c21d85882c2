/*
 * Sockeye's sockets functions under names of their own.
 *
 * Each does what the POSIX function without the prefix does; libsockeye exports that name too, so a program that is
 * linked with -lsockeye needs neither this header nor any change. A program that wants the kernel's sockets and Sockeye's
 * side by side opens the library with dlopen(..., RTLD_LOCAL) and looks these names up.
 *
 * Generated with cbindgen; SOCKEYE_BLESS=1 cargo test -p sockeye-ffi --test header writes it anew.
 */

#ifndef SOCKEYE_H
#define SOCKEYE_H

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As fcntl(). O_ASYNC is EINVAL; whatever concerns only the descriptor is the kernel's, on the token. */
int sockeye_fcntl(int fd, int command, ...);

/* As ioctl(): FIONREAD, SIOCOUTQ, SIOCATMARK, FIONBIO, FIOCLEX and FIONCLEX; any other is ENOTTY. */
int sockeye_ioctl(int fd, unsigned long request, ...);

/* As dprintf() and vdprintf(). */
int sockeye_dprintf(int fd, const char *format, ...);
int sockeye_vdprintf(int fd, const char *format, va_list arguments);

#ifdef __cplusplus
}
#endif

struct mmsghdr;



#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * As `socket()`. Stream sockets of `AF_INET` and `AF_INET6` are Sockeye's, with protocol 0 or `IPPROTO_TCP`; all others are
 * the kernel's. ENETDOWN, with a line on stderr, if there is no host process and none can be started.
 */
int sockeye_socket(int domain,
                   int kind,
                   int protocol);

/**
 * As `listen()`.
 */
int sockeye_listen(int fd, int backlog);

/**
 * As `accept()`.
 */
int sockeye_accept(int fd, struct sockaddr *address, socklen_t *length);

/**
 * As `accept4()`. As on Linux, nothing is inherited from the listener's O_NONBLOCK.
 */
int sockeye_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

/**
 * As `shutdown()`.
 */
int sockeye_shutdown(int fd, int how);

/**
 * As `close()`. The connection is closed with the last descriptor of all processes; SO_LINGER is honoured.
 */
int sockeye_close(int fd);

/**
 * As `close_range()`.
 */
int sockeye_close_range(unsigned int first, unsigned int last, int flags);

/**
 * As `closefrom()`.
 */
void sockeye_closefrom(int first);

/**
 * As `bind()`.
 */
int sockeye_bind(int fd, const struct sockaddr *address, socklen_t length);

/**
 * As `connect()`. `AF_UNSPEC`, which would dissolve a connection, is EAFNOSUPPORT.
 */
int sockeye_connect(int fd, const struct sockaddr *address, socklen_t length);

/**
 * As `getsockname()`.
 */
int sockeye_getsockname(int fd, struct sockaddr *address, socklen_t *length);

/**
 * As `getpeername()`.
 */
int sockeye_getpeername(int fd, struct sockaddr *address, socklen_t *length);

/**
 * As `read()`.
 */
ssize_t sockeye_read(int fd, void *buffer, size_t length);

/**
 * As `write()`.
 */
ssize_t sockeye_write(int fd, const void *buffer, size_t length);

/**
 * As `recv()`. See the table of flags above.
 */
ssize_t sockeye_recv(int fd, void *buffer, size_t length, int flags);

/**
 * As `send()`. After a reset or a shutdown for writing: EPIPE, and SIGPIPE unless MSG_NOSIGNAL is given.
 */
ssize_t sockeye_send(int fd, const void *buffer, size_t length, int flags);

/**
 * As `recvfrom()`: a stream has no address to tell, and `*address_length` becomes 0.
 */
ssize_t sockeye_recvfrom(int fd,
                         void *buffer,
                         size_t length,
                         int flags,
                         struct sockaddr *address,
                         socklen_t *address_length);

/**
 * As `sendto()`: the address is ignored on a stream, as Linux does, unless MSG_FASTOPEN asks for a connection to it.
 */
ssize_t sockeye_sendto(int fd,
                       const void *buffer,
                       size_t length,
                       int flags,
                       const struct sockaddr *address,
                       socklen_t address_length);

/**
 * As `readv()`.
 */
ssize_t sockeye_readv(int fd, const struct iovec *vector, int count);

/**
 * As `writev()`.
 */
ssize_t sockeye_writev(int fd, const struct iovec *vector, int count);

/**
 * As `sendmsg()`. Ancillary data are EINVAL: a stream of this kind carries none.
 */
ssize_t sockeye_sendmsg(int fd, const struct msghdr *message, int flags);

/**
 * As `recvmsg()`. Sockeye sockets that arrive as SCM_RIGHTS over a kernel socket are Sockeye sockets here too.
 */
ssize_t sockeye_recvmsg(int fd, struct msghdr *message, int flags);

/**
 * As `sendmmsg()`.
 */
int sockeye_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);

/**
 * As `recvmmsg()`. As on Linux the timeout is looked at after each message only.
 */
int sockeye_recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout);

/**
 * As `sendfile()`, by reading the file into SendQ. A Sockeye socket as the source is EINVAL, as any socket is.
 */
ssize_t sockeye_sendfile(int to, int from, off_t *offset, size_t count);

/**
 * As `splice()`: from a pipe into SendQ of a Sockeye socket, or from its RecvQ into a pipe. EINVAL without a pipe.
 */
ssize_t sockeye_splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t length, unsigned int flags);

/**
 * As `getsockopt()`. See docs/options.md.
 */
int sockeye_getsockopt(int fd, int level, int name, void *value, socklen_t *length);

/**
 * As `setsockopt()`. See docs/options.md. As on Linux the buffer size in force is twice the one asked for.
 */
int sockeye_setsockopt(int fd, int level, int name, const void *value, socklen_t length);

/**
 * As `pthread_cancel()`. A thread that is in a call of Sockeye's is cancelled at the next cancellation point after that.
 */
int sockeye_pthread_cancel(pthread_t thread);

/**
 * As `dup()`.
 */
int sockeye_dup(int fd);

/**
 * As `dup2()`.
 */
int sockeye_dup2(int fd, int new_);

/**
 * As `dup3()`.
 */
int sockeye_dup3(int fd, int new_, int flags);

/**
 * As `sockatmark()`.
 */
int sockeye_sockatmark(int fd);

/**
 * As `poll()`.
 */
int sockeye_poll(struct pollfd *fds, nfds_t count, int timeout);

/**
 * As `ppoll()`.
 */
int sockeye_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);

/**
 * As `epoll_create()`.
 */
int sockeye_epoll_create(int size);

/**
 * As `epoll_create1()`.
 */
int sockeye_epoll_create1(int flags);

/**
 * As `epoll_ctl()`.
 */
int sockeye_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);

/**
 * As `epoll_wait()`.
 */
int sockeye_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout);

/**
 * As `epoll_pwait()`.
 */
int sockeye_epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout, const sigset_t *mask);

/**
 * As `epoll_pwait2()`.
 */
int sockeye_epoll_pwait2(int epoll,
                         struct epoll_event *events,
                         int most,
                         const struct timespec *timeout,
                         const sigset_t *mask);

/**
 * As `select()`: the time that is left is written back, as on Linux.
 */
int sockeye_select(int count, fd_set *read, fd_set *write, fd_set *except, struct timeval *timeout);

/**
 * As `pselect()`.
 */
int sockeye_pselect(int count,
                    fd_set *read,
                    fd_set *write,
                    fd_set *except,
                    const struct timespec *timeout,
                    const sigset_t *mask);

/**
 * As `fdopen()`.
 */
FILE *sockeye_fdopen(int fd, const char *mode);

/**
 * As `fileno()`.
 */
int sockeye_fileno(FILE *stream);

extern int vasprintf(char **text, const char *format, void *arguments);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SOCKEYE_H */
