/* The limit of descriptors: what it refuses, and what waits until there is room. */
#include "call.h"

/* A connection that could not be accepted waits, with what was sent. */
static void accepting(int warm)
{
    int listener = new_listener();
    struct sockaddr_in address = local_address(listener);
    int clients[8];
    for (int i = 0; i < warm; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(clients[i], (struct sockaddr *)&address, sizeof address) < 0)
            err(1, "connect");
        close(accept(listener, NULL, NULL));
    }
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) < 0 || write(client, "hello", 5) != 5)
        err(1, "connect");
    await(listener, POLLIN);
    int free_one = lowest();
    set_limit((rlim_t)free_one);
    tell(accept(listener, NULL, NULL), "accept at the limit, after %d", warm);
    tell(socket(AF_INET, SOCK_STREAM, 0), "socket at the limit");
    set_limit(1024);
    int server = accept(listener, NULL, NULL);
    printf("the lowest number: %s\n", server == free_one ? "yes" : "no");
    char buffer[8];
    tell(read(server, buffer, sizeof buffer), "read");
    int next = lowest();
    int another = socket(AF_INET, SOCK_STREAM, 0);
    printf("the lowest number: %s\n", another == next ? "yes" : "no");
    tell(fcntl(another, F_GETFD), "flags");
    close(another);
    another = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    tell(fcntl(another, F_GETFD), "flags with SOCK_CLOEXEC");
    tell(fcntl(another, F_GETFL) & O_NONBLOCK, "O_NONBLOCK");
    close(another);
    close(server);
    close(client);
    for (int i = 0; i < warm; i++)
        close(clients[i]);
    close(listener);
}

/* How many numbers below a limit are free: who started this program may have left it files of its own. */
static int count_free(int limit)
{
    int count = 0;
    for (int fd = 0; fd < limit; fd++)
        count += fcntl(fd, F_GETFD) < 0;
    return count;
}

/* Every number below a limit can be a socket. */
static void all_of_them(int limit, int free)
{
    int count = 0, fds[64];
    set_limit((rlim_t)limit);
    while (count < 64 && (fds[count] = socket(AF_INET, SOCK_STREAM, 0)) >= 0)
        count++;
    tell(-1, "socket");
    tell(count - free, "sockets but for free numbers");
    while (count > 0)
        close(fds[--count]);
    set_limit(1024);
}

int main(void)
{
    /* Before anything is made for sockets. */
    int free = count_free(40);
    set_limit(1024);
    accepting(0);
    accepting(1);
    accepting(5);
    all_of_them(40, free);
    return 0;
}
