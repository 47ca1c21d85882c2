/* Many threads and processes that accept from one listener: each connection is accepted once, and no more is told than there is. */
#include "call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define WORKERS 3
#define THREADS 2
#define CLIENTS 4
#define CONNECTIONS 400

/* How often each connection was accepted, by number, and how many each worker had. */
static struct shared {
    atomic_int accepted[CLIENTS * CONNECTIONS];
    atomic_int by_worker[WORKERS];
} *shared;
static struct sockaddr_in address;
static int listener, own_worker;

/* Answers what comes on each connection, until it is killed. */
static void *accept_for_ever(void *unused)
{
    for (;;) {
        int number, fd = accept(listener, NULL, NULL);
        if (fd < 0)
            err(1, "accept");
        if (read(fd, &number, sizeof number) == sizeof number) {
            atomic_fetch_add(&shared->accepted[number], 1);
            atomic_fetch_add(&shared->by_worker[own_worker], 1);
            if (write(fd, &number, sizeof number) < 0)
                err(1, "write");
        }
        close(fd);
    }
    return unused;
}

static pid_t new_worker(int worker)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    own_worker = worker;
    pthread_t thread;
    for (int i = 1; i < THREADS; i++)
        pthread_create(&thread, NULL, accept_for_ever, NULL);
    accept_for_ever(NULL);
    return 0;
}

/* Connects again and again: the number of connections that were answered, and of those that ended without. */
struct client { int first, answered, ended; };

static void *connect_often(void *argument)
{
    struct client *client = argument;
    for (int number = client->first; number < client->first + CONNECTIONS; number++) {
        int reply = -1, fd = socket(AF_INET, SOCK_STREAM, 0);
        struct timeval limit = { .tv_sec = 20 };
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
            err(1, "connect");
        ssize_t sent = send(fd, &number, sizeof number, MSG_NOSIGNAL);
        ssize_t got = sent < 0 ? 0 : read(fd, &reply, sizeof reply);
        if (got < 0 && errno == EAGAIN)
            errx(1, "connection %d was forgotten", number);
        client->answered += got == sizeof reply && reply == number;
        client->ended += got <= 0;
        close(fd);
    }
    return NULL;
}

static struct client all_clients(void)
{
    pthread_t threads[CLIENTS];
    struct client clients[CLIENTS] = { { 0 } }, all = { 0 };
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].first = i * CONNECTIONS;
        pthread_create(&threads[i], NULL, connect_often, &clients[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        all.answered += clients[i].answered;
        all.ended += clients[i].ended;
    }
    return all;
}

static int most_accepts(void)
{
    int most = 0;
    for (int i = 0; i < CLIENTS * CONNECTIONS; i++)
        most = shared->accepted[i] > most ? shared->accepted[i] : most;
    return most;
}

static atomic_int is_killing;

/* Kills one worker after the other, and starts it anew. */
static void *kill_often(void *argument)
{
    pid_t *workers = argument;
    for (int i = 0; is_killing; i = (i + 1) % WORKERS) {
        usleep(3000);
        kill(workers[i], SIGKILL);
        waitpid(workers[i], NULL, 0);
        workers[i] = new_worker(i);
    }
    return NULL;
}

static void workers(void)
{
    pid_t children[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        children[i] = new_worker(i);
    struct client all = all_clients();
    printf("shared by processes: %d answered, %d not, at most %d times each\n", all.answered, all.ended, most_accepts());
    int busy = 0;
    for (int i = 0; i < WORKERS; i++)
        busy += shared->by_worker[i] > 0;
    printf("  every worker had some: %s\n", busy == WORKERS ? "yes" : "no");
    memset(shared, 0, sizeof *shared);
    pthread_t killer;
    is_killing = 1;
    pthread_create(&killer, NULL, kill_often, children);
    all = all_clients();
    is_killing = 0;
    pthread_join(killer, NULL);
    printf("killed amid it: all told: %s, at most %d times each\n",
           all.answered + all.ended == CLIENTS * CONNECTIONS ? "yes" : "no", most_accepts());
    for (int i = 0; i < WORKERS; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
}

static int large_listener(void)
{
    int fd = new_listener();
    if (listen(fd, 128) < 0)
        err(1, "listen");
    return fd;
}

/* More wait than the engine can show at once: none is left, and none is told that is not there. */
static void burst(int count, int flags)
{
    int fd = large_listener(), set = epoll_create1(0), accepted = 0, clients[128];
    struct sockaddr_in at = local_address(fd);
    struct epoll_event event = { .events = EPOLLIN | (uint32_t)flags };
    fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    for (int i = 0; i < count; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(clients[i], (struct sockaddr *)&at, sizeof at) < 0)
            err(1, "connect");
    }
    int before = epoll_wait(set, &event, 1, 2000), one;
    while ((one = accept(fd, NULL, NULL)) >= 0) {
        accepted++;
        close(one);
    }
    printf("%d in a burst, %s: ready %d, accepted %d, then %s", count, flags ? "edges" : "level", before, accepted,
           strerror(errno));
    printf(", ready %d\n", epoll_wait(set, &event, 1, 0));
    int next = socket(AF_INET, SOCK_STREAM, 0);
    connect(next, (struct sockaddr *)&at, sizeof at);
    tell(epoll_wait(set, &event, 1, 2000), "  one more: ready");
    tell(accept(fd, NULL, NULL) >= 0, "  it is accepted");
    tell(epoll_wait(set, &event, 1, 0), "  ready");
    close(next);
    for (int i = 0; i < count; i++)
        close(clients[i]);
    close(fd);
}

/* What waits and is not accepted is reset with the listener; what was accepted goes on. */
static void closing(void)
{
    int fd = large_listener(), clients[20];
    struct sockaddr_in at = local_address(fd);
    for (int i = 0; i < 20; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        connect(clients[i], (struct sockaddr *)&at, sizeof at);
    }
    int kept = accept_connection(fd), copy = dup(accept_connection(fd));
    close(fd);
    char byte = 0;
    ssize_t got = read(clients[19], &byte, 1);
    tell(got, "the last, after the listener is closed");
    tell(write(kept, "x", 1), "the first is written to");
    tell(read(clients[0], &byte, 1), "  and read from");
    tell(write(clients[1], "y", 1), "the second is written to");
    tell(read(copy, &byte, 1), "  and read from");
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    listener = new_listener();
    address = local_address(listener);
    burst(3, 0);
    burst(100, 0);
    burst(100, EPOLLET);
    closing();
    workers();
    return 0;
}
