/* Clients that come at the same time and are served a byte each: crash_clients PORT COUNT */
#include "call.h"

int main(int argc, char **argv)
{
    enum { MOST = 16 };
    int clients[MOST];
    if (argc != 3)
        errx(2, "crash_clients PORT COUNT");
    struct sockaddr_in address = loopback(atoi(argv[1]));
    int count = atoi(argv[2]);
    for (int i = 0; i < count && i < MOST; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (clients[i] < 0 || connect(clients[i], (struct sockaddr *)&address, sizeof address) < 0)
            err(1, "connect");
        send(clients[i], &(char){ (char)('a' + i) }, 1, MSG_NOSIGNAL);
    }
    printf("connected\n");
    fflush(stdout);
    for (int i = 0; i < count && i < MOST; i++) {
        char byte = 0;
        ssize_t got = recv(clients[i], &byte, 1, 0);
        printf("client %s\n", got == 1 && byte == 'a' + i ? "served" : got == 0 ? "EOF" : got < 0 ? strerrorname_np(errno) : "wrong");
    }
    fflush(stdout);
    return 0;
}
