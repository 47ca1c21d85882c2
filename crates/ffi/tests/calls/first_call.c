/* Cancels a thread amid the program's first call, which starts the host process. The program is linked so that it exports nothing. */
#include "call.h"

#include <pthread.h>

static void *work(void *kept)
{
    *(int *)kept = socket(AF_INET, SOCK_STREAM, 0);
    for (;;)
        pthread_testcancel();
    return NULL;
}

int main(void)
{
    pthread_t thread;
    void *result;
    int kept = -1;
    if (pthread_create(&thread, NULL, work, &kept) != 0)
        errx(1, "a thread");
    usleep(1000);
    printf("cancelling: %d\n", pthread_cancel(thread));
    pthread_join(thread, &result);
    printf("it was cancelled: %d\n", result == PTHREAD_CANCELED);
    printf("after its call: %d\n", kept >= 0);
    pass_a_byte();
    return 0;
}
