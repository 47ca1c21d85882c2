/* What one thread, or a signal, does to a call that another thread, or this one, is in. */
#include "call.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

enum { CHURN = 1500, LONG_MS = 2000, SHORT_MS = 100 };

static int ends[2];
static atomic_int shared, is_over;

static void sleep_ms(int ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
    nanosleep(&time, NULL);
}

static void start(void *(*work)(void *), void *argument, pthread_t *thread)
{
    if (pthread_create(thread, NULL, work, argument) != 0)
        errx(1, "pthread_create");
}

/* --- a descriptor is closed under a call ------------------------------------------------------------------------- */

static void *read_without_waiting(void *unused)
{
    char bytes[64];
    while (!is_over)
        recv(shared, bytes, sizeof bytes, MSG_DONTWAIT);
    return unused;
}

static void close_under_calls(void)
{
    pthread_t thread;
    int closed = 0, ended = 0;
    new_pair(ends);
    shared = ends[1];
    start(read_without_waiting, NULL, &thread);
    for (int i = 0; i < CHURN; i++) {
        char byte;
        send(ends[0], "x", 1, MSG_NOSIGNAL);
        closed += close(ends[1]) == 0;
        /* RST, if the byte was not read. */
        ended += recv(ends[0], &byte, 1, 0) <= 0;
        close(ends[0]);
        new_pair(ends);
        shared = ends[1];
    }
    is_over = 1;
    pthread_join(thread, NULL);
    tell(closed, "closed under a call");
    tell(ended, "ends of the peer");
    close(ends[0]);
    close(ends[1]);
}

static void *poll_for_text(void *polled)
{
    shared = poll(polled, 1, LONG_MS);
    return NULL;
}

static void *select_text(void *unused)
{
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(ends[1], &readable);
    struct timeval time = { LONG_MS / 1000, 0 };
    shared = select(ends[1] + 1, &readable, NULL, NULL, &time);
    return unused;
}

static void close_under_select(void)
{
    pthread_t thread;
    new_pair(ends);
    start(select_text, NULL, &thread);
    sleep_ms(SHORT_MS);
    close(ends[1]);
    send(ends[0], "x", 1, 0);
    pthread_join(thread, NULL);
    tell(shared, "select() of what was closed");
    close(ends[0]);
}

static void close_under_poll(void)
{
    pthread_t thread;
    new_pair(ends);
    struct pollfd polled = { ends[1], POLLIN, 0 };
    start(poll_for_text, &polled, &thread);
    sleep_ms(SHORT_MS);
    close(ends[1]);
    sleep_ms(SHORT_MS);
    tell(send(ends[0], "x", 1, 0), "send to what is polled and closed");
    pthread_join(thread, NULL);
    tell(shared, "poll() of what was closed");
    tell(polled.revents, "with events");
    close(ends[0]);
}

/* --- an option is set under a call ------------------------------------------------------------------------------- */

static void *wait_for_text(void *set)
{
    struct epoll_event event;
    tell(epoll_wait(*(int *)set, &event, 1, LONG_MS), "epoll_wait()");
    return NULL;
}

static void lower_the_mark(uint32_t events)
{
    pthread_t thread;
    int set = epoll_create1(0), many = 100, one = 1;
    new_pair(ends);
    setsockopt(ends[1], SOL_SOCKET, SO_RCVLOWAT, &many, sizeof many);
    struct epoll_event event = { .events = events };
    epoll_ctl(set, EPOLL_CTL_ADD, ends[1], &event);
    char bytes[50] = { 0 };
    send(ends[0], bytes, sizeof bytes, 0);
    struct pollfd polled = { ends[1], POLLIN, 0 };
    tell(poll(&polled, 1, SHORT_MS), "poll() below SO_RCVLOWAT");
    start(wait_for_text, &set, &thread);
    sleep_ms(SHORT_MS);
    setsockopt(ends[1], SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    pthread_join(thread, NULL);
    close(set);
    close(ends[0]);
    close(ends[1]);
}

/* --- signals ----------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

static void handle_alarms(int flags)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = flags };
    sigaction(SIGALRM, &action, NULL);
}

static void alarm_in(int ms)
{
    struct itimerval time = { .it_value = { ms / 1000, ms % 1000 * 1000 } };
    setitimer(ITIMER_REAL, &time, NULL);
}

/* A pending signal that only the mask of the call lets through. */
static void masks(void)
{
    sigset_t alarms, none;
    sigemptyset(&none);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarms, NULL);
    handle_alarms(0);
    new_pair(ends);
    struct timespec at_once = { 0, 0 };
    struct pollfd polled = { ends[1], POLLIN, 0 };
    fd_set readable;
    raise(SIGALRM);
    tell(ppoll(&polled, 1, &at_once, &none), "ppoll() with a signal");
    tell(handled, "handled");
    FD_ZERO(&readable);
    FD_SET(ends[1], &readable);
    raise(SIGALRM);
    tell(pselect(ends[1] + 1, &readable, NULL, NULL, &at_once, &none), "pselect() with a signal");
    tell(handled, "handled");
    send(ends[0], "x", 1, 0);
    poll(&polled, 1, LONG_MS);
    raise(SIGALRM);
    tell(ppoll(&polled, 1, &at_once, &none), "ppoll() with a signal and text");
    tell(handled, "handled");
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
    /* What all threads of the program block is for none but sigwait(): its default would end the program. */
    struct timespec soon = { 0, SHORT_MS * 1000000L };
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGUSR1);
    sigprocmask(SIG_BLOCK, &alarms, NULL);
    kill(getpid(), SIGUSR1);
    sleep_ms(SHORT_MS);
    tell(sigtimedwait(&alarms, NULL, &soon) == SIGUSR1, "a blocked signal that waits");
    close(ends[0]);
    close(ends[1]);
}

static void *send_later(void *unused)
{
    sleep_ms(3 * SHORT_MS);
    send(ends[0], "0123456789", 10, 0);
    return unused;
}

/* As `signal()` has it: a call that has done nothing goes on, one that has done a part returns that. */
static void restarts(void)
{
    static char bytes[1000003];
    pthread_t thread;
    handle_alarms(SA_RESTART);
    new_pair(ends);
    alarm_in(SHORT_MS);
    start(send_later, NULL, &thread);
    tell(recv(ends[1], bytes, sizeof bytes, 0), "recv() after a signal");
    pthread_join(thread, NULL);
    send(ends[0], "abc", 3, 0);
    alarm_in(SHORT_MS);
    tell(recv(ends[1], bytes, 10, MSG_WAITALL), "recv() of a part");
    struct timeval seconds = { 2, 0 };
    setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &seconds, sizeof seconds);
    alarm_in(SHORT_MS);
    tell(recv(ends[1], bytes, 10, 0), "recv() with a time");
    alarm_in(SHORT_MS);
    ssize_t sent;
    while ((sent = send(ends[0], bytes, sizeof bytes, 0)) == (ssize_t)sizeof bytes)
        ;
    tell(sent > 0, "send() of a part");
    close(ends[0]);
    close(ends[1]);
}

/* --- what is left to send ---------------------------------------------------------------------------------------- */

static void queues(void)
{
    int bytes = -1, listener = new_listener();
    new_pair(ends);
    tell(ioctl(ends[0], SIOCOUTQNSD, &bytes), "SIOCOUTQNSD");
    tell(bytes, "bytes");
    tell(ioctl(listener, SIOCOUTQNSD, &bytes), "SIOCOUTQNSD of a listener");
    tell(ioctl(listener, SIOCOUTQ, &bytes), "SIOCOUTQ of a listener");
    close(listener);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    close_under_calls();
    close_under_poll();
    close_under_select();
    lower_the_mark(EPOLLIN);
    lower_the_mark(EPOLLIN | EPOLLET);
    masks();
    restarts();
    queues();
    return 0;
}
