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

/* Every number below a limit can be a socket. */
static void all_of_them(rlim_t limit)
{
    set_limit(limit);
    int first = lowest(), count = 0, fds[64];
    while (count < 64 && (fds[count] = socket(AF_INET, SOCK_STREAM, 0)) >= 0)
        count++;
    tell(-1, "socket");
    printf("all: %s\n", first + count == (int)limit ? "yes" : "no");
    while (count > 0)
        close(fds[--count]);
    set_limit(1024);
}

int main(void)
{
    set_limit(1024);
    accepting(0);
    accepting(1);
    accepting(5);
    all_of_them(40);
    return 0;
}
