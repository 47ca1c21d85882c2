/* The addresses of a socket in each of its states. */
#include "call.h"

#include <arpa/inet.h>

/* The ports that may be named, so that what is printed is the same in each run. */
static struct {
    in_port_t port;
    const char *name;
} known[16];

static int known_count;

static in_port_t port_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ((const struct sockaddr_in *)address)->sin_port;
    return ((const struct sockaddr_in6 *)address)->sin6_port;
}

static const char *name_of(in_port_t port)
{
    for (int i = known_count; port != 0 && i-- > 0;)
        if (known[i].port == port)
            return known[i].name;
    return port == 0 ? "0" : "some port";
}

static void know(int fd, const char *name)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        err(1, "getsockname");
    known[known_count].port = port_of(&address);
    known[known_count++].name = name;
}

static void show(const char *call, int result, const struct sockaddr_storage *address, socklen_t length)
{
    char text[INET6_ADDRSTRLEN];
    if (result < 0) {
        printf("  %s: %s\n", call, strerrorname_np(errno));
        return;
    }
    const void *ip = address->ss_family == AF_INET ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                                                   : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    inet_ntop(address->ss_family, ip, text, sizeof text);
    printf("  %s: %s, port %s, length %d\n", call, text, name_of(port_of(address)), (int)length);
}

/* Both addresses. */
static void names(int fd, const char *state)
{
    struct sockaddr_storage address;
    printf("%s\n", state);
    socklen_t length = sizeof address;
    int result = getsockname(fd, (struct sockaddr *)&address, &length);
    show("getsockname", result, &address, length);
    length = sizeof address;
    result = getpeername(fd, (struct sockaddr *)&address, &length);
    show("getpeername", result, &address, length);
    fflush(stdout);
}

static int listener_at(const struct sockaddr *address, socklen_t length, const char *name)
{
    int fd = socket(address->sa_family, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, address, length) < 0)
        err(1, "bind");
    names(fd, "bound");
    if (listen(fd, 8) < 0)
        err(1, "listen");
    know(fd, name);
    names(fd, "listening");
    return fd;
}

static in_port_t listening_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        err(1, "getsockname");
    return port_of(&address);
}

/* Connects, shows both ends, shuts one after the other, and resets. */
static void connection(int listener, const struct sockaddr *to, socklen_t length)
{
    int client = socket(to->sa_family, SOCK_STREAM, 0);
    names(client, "fresh");
    if (connect(client, to, length) < 0)
        err(1, "connect");
    know(client, "of the client");
    names(client, "client");
    int server = accept_connection(listener);
    names(server, "server");
    shutdown(client, SHUT_WR);
    await(server, POLLIN);
    names(client, "client, shut");
    names(server, "server, at the end of file");
    char byte = 0;
    if (write(server, &byte, 1) != 1)
        err(1, "write");
    await(client, POLLIN);
    struct linger now = { .l_onoff = 1 };
    setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(server);
    await(client, POLLHUP);
    names(client, "client, reset");
    close(client);
    known_count--;
}

/* A socket whose first open failed, and whose second does not. */
static void again(int listener)
{
    struct sockaddr_in to = loopback(1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    tell(connect(fd, (struct sockaddr *)&to, sizeof to), "connect to nobody");
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    tell(getpeername(fd, (struct sockaddr *)&address, &length), "getpeername");
    to.sin_port = listening_port(listener);
    tell(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
    know(fd, "of the client");
    names(fd, "second open");
    int server = accept_connection(listener);
    names(server, "its server");
    close(fd);
    close(server);
    known_count--;
}

int main(void)
{
    struct sockaddr_in any4 = { .sin_family = AF_INET }, local4 = loopback(0);
    struct sockaddr_in6 any6 = { .sin6_family = AF_INET6 }, local6 = { .sin6_family = AF_INET6 };
    local6.sin6_addr = in6addr_loopback;
    int first = listener_at((struct sockaddr *)&any4, sizeof any4, "of the first");
    int second = listener_at((struct sockaddr *)&local4, sizeof local4, "of the second");
    int dual = listener_at((struct sockaddr *)&any6, sizeof any6, "of the dual");

    struct sockaddr_in to4 = loopback(0);
    to4.sin_port = listening_port(first);
    connection(first, (struct sockaddr *)&to4, sizeof to4);
    to4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 4);
    connection(first, (struct sockaddr *)&to4, sizeof to4);
    to4.sin_port = listening_port(dual);
    connection(dual, (struct sockaddr *)&to4, sizeof to4);
    local6.sin6_port = listening_port(dual);
    connection(dual, (struct sockaddr *)&local6, sizeof local6);
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &local6.sin6_addr);
    connection(dual, (struct sockaddr *)&local6, sizeof local6);
    again(second);
    return 0;
}
