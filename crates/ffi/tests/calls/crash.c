/* Makes one call between two markers, for a tracer that stops or kills it there: crash CALL PORT SIBLING
 *
 * PORT is a crash_peer's. SIBLING is "none", or what a forked child does that has the same sockets: it begins at SIGUSR1.
 * A marker is getppid(). The lines: "ready HEAD SENT" (where the list of robust locks is, and the bytes sent before), "sibling PROCESS",
 * "gave RESULT ERROR" and "finished ...". It goes on with the call, and from there to its end, at a line of its input each. */
#include "crash_calls.h"

#include <sys/syscall.h>
#include <sys/wait.h>

/* Sends and receives to the end of a connection. */
static void use_to_the_end(void)
{
    size_t sent = send_written(fd, VICTIM, sent_before, AFTER);
    const char *why = sent == AFTER ? "all" : strerrorname_np(errno);
    /* The end is the child's as well. */
    if (child_of_call > 0)
        waitpid(child_of_call, NULL, 0);
    shutdown(fd, SHUT_WR);
    struct words words = read_words(fd);
    printf("finished %s %u %u %s\n", why, words.count, words.gaps, words.why);
}

static void sibling(const char *kind)
{
    if (strcmp(kind, "writer") == 0) {
        set(fd, SOL_SOCKET, SO_SNDBUF, 65536);
        size_t sent = send_written(fd, SIBLING, 0, FROM_SIBLING);
        printf("sibling %zu %s\n", sent, sent == FROM_SIBLING ? "all" : strerrorname_np(errno));
    } else if (strcmp(kind, "reader") == 0) {
        set(fd, SOL_SOCKET, SO_RCVBUF, 65536);
        struct words words = read_words(fd);
        printf("sibling %u %u %s\n", words.count, words.gaps, words.why);
    } else if (strcmp(kind, "acceptor") == 0) {
        printf("sibling %d\n", serve_all(0));
    } else if (strcmp(kind, "connector") == 0) {
        connect_at_last();
        size_t sent = send_written(fd, SIBLING, 0, FROM_SIBLING);
        printf("sibling %zu %s\n", sent, sent == FROM_SIBLING ? "all" : strerrorname_np(errno));
    } else {
        static uint8_t bytes[1000];
        long turned = send(others[0], bytes, sizeof bytes, 0) < 0 ? -1 : recv(others[1], bytes, sizeof bytes, MSG_WAITALL);
        printf("sibling %ld\n", turned);
    }
    fflush(stdout);
    _exit(0);
}

static void start_sibling(const char *kind)
{
    sigset_t begin;
    int signal_number;
    sigemptyset(&begin);
    sigaddset(&begin, SIGUSR1);
    if (strcmp(kind, "none") == 0)
        return;
    new_pair(others);
    fflush(stdout);
    sigprocmask(SIG_BLOCK, &begin, NULL);
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0) {
        sigwait(&begin, &signal_number);
        sibling(kind);
    }
    printf("sibling %d\n", child);
    fflush(stdout);
}

static void next_line(void)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1)
        if (byte == '\n')
            return;
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "crash CALL PORT SIBLING");
    signal(SIGPIPE, SIG_IGN);
    const struct call *call = find_call(argv[1]);
    peer = loopback(atoi(argv[2]));
    call->prepare();
    start_sibling(argv[3]);
    void *head;
    size_t length;
    syscall(SYS_get_robust_list, 0, &head, &length);
    if (call->finish == serve_rest)
        printf("listening on port %d\n", ntohs(local_address(fd).sin_port));
    printf("ready %llx %zu\n", (unsigned long long)(uintptr_t)head, sent_before);
    fflush(stdout);
    next_line();
    if (call->await != NULL)
        call->await();
    getppid();
    long result = call->act();
    int error = errno;
    getppid();
    printf("gave %ld %s\n", result, result < 0 ? strerrorname_np(error) : "0");
    fflush(stdout);
    if (result > 0 && call->sends)
        sent_before += (size_t)result;
    next_line();
    if (call->finish != NULL)
        call->finish(result);
    else
        use_to_the_end();
    fflush(stdout);
    return 0;
}
