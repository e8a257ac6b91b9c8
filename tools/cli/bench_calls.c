/*
 * bench_calls: what calls cost. One source for both contenders of `xenolith bench calls`: a guest
 * program of the SDK, and the whole user space of a Linux guest, where it is init.
 *
 * Usage: bench_calls BATCHES
 *
 * Each measure runs some batches of a fixed number of operations and prints one line with its
 * median: `bench: NAME PICOSECONDS`, per operation. After each line it sleeps, so that the work that
 * dom0 has with the line does not fall into the next measure. The last line is `bench: end`; what
 * goes wrong is `bench: failed: WHY`. `bench: check NUMBER` must be the same on both sides.
 *
 * No measure can run away: once MEASURE_MOST_NS of the guest's time are gone, no batch is begun, and
 * who reads the console gives up after a time of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#endif

#define BATCHES_MOST 100
#define MEASURE_MOST_NS 300000000ll
#define QUIET_NS 30000000ll /* dom0 takes a line out of the console in this time */
#define SECOND_NS 1000000000ll

/* What both sides must have computed alike; printed at the end. */
static uint32_t check;

/* Linux: as init there is nobody to take a status, and the kernel panics when init ends. */
static void leave(int status)
{
    fflush(stdout);
#ifdef __linux__
    reboot(RB_POWER_OFF);
#endif
    exit(status);
}

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("bench: failed: %s\n", what);
    leave(1);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void sleep_until(int64_t ns)
{
    struct timespec end = { .tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS };

    must(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == 0, "clock_nanosleep");
}

/* --- threads -------------------------------------------------------------------------------- */

static void *thread_nothing(void *arg)
{
    return arg;
}

static int64_t bench_thread(int count)
{
    int64_t begun_ns = now_ns();

    for (int i = 0; i < count; i++) {
        pthread_t thread;

        must(pthread_create(&thread, NULL, thread_nothing, NULL) == 0, "pthread_create");
        must(pthread_join(thread, NULL) == 0, "pthread_join");
    }
    return now_ns() - begun_ns;
}

/*
 * Two threads walk around a ring of three mutexes, each taking the next before it lets go of the
 * last. One is always a step behind the other: every lock waits, and every unlock wakes the other.
 * So a step is one hand-over of a mutex: a wait, a wake, a switch of threads.
 */
static struct {
    pthread_mutex_t mutex[3];
    int count;
} walk = { .mutex = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                      PTHREAD_MUTEX_INITIALIZER } };

static void walk_ring(unsigned at)
{
    for (int i = 0; i < walk.count; i++) {
        unsigned next = (at + 1) % 3;

        pthread_mutex_lock(&walk.mutex[next]);
        pthread_mutex_unlock(&walk.mutex[at]);
        at = next;
    }
    pthread_mutex_unlock(&walk.mutex[at]);
}

static void *walk_second(void *started)
{
    pthread_mutex_lock(&walk.mutex[1]);
    sem_post(started);
    walk_ring(1);
    return NULL;
}

static int64_t bench_mutex(int count)
{
    pthread_t second;
    sem_t started;

    walk.count = count / 2;
    must(sem_init(&started, 0, 0) == 0, "sem_init");
    pthread_mutex_lock(&walk.mutex[0]);
    must(pthread_create(&second, NULL, walk_second, &started) == 0, "pthread_create");
    sem_wait(&started);
    int64_t begun_ns = now_ns();
    walk_ring(0);
    pthread_join(second, NULL);
    int64_t taken_ns = now_ns() - begun_ns;
    sem_destroy(&started);
    return taken_ns;
}

static struct {
    sem_t ping, pong;
    int count;
} table;

static void *table_second(void *arg)
{
    for (int i = 0; i < table.count; i++) {
        sem_wait(&table.ping);
        sem_post(&table.pong);
    }
    return arg;
}

/* An operation is one way: half of ping and pong. */
static int64_t bench_semaphore(int count)
{
    pthread_t second;

    table.count = count / 2;
    must(sem_init(&table.ping, 0, 0) == 0 && sem_init(&table.pong, 0, 0) == 0, "sem_init");
    must(pthread_create(&second, NULL, table_second, NULL) == 0, "pthread_create");
    int64_t begun_ns = now_ns();
    for (int i = 0; i < table.count; i++) {
        sem_post(&table.ping);
        sem_wait(&table.pong);
    }
    int64_t taken_ns = now_ns() - begun_ns;
    pthread_join(second, NULL);
    return taken_ns;
}

/* --- time ----------------------------------------------------------------------------------- */

/* Not what it takes, but how late each wake-up is, summed. The odd length meets no common tick. */
static int64_t bench_timer(int count)
{
    int64_t late_ns = 0;

    for (int i = 0; i < count; i++) {
        int64_t deadline_ns = now_ns() + 1234567;

        sleep_until(deadline_ns);
        late_ns += now_ns() - deadline_ns;
    }
    return late_ns;
}

static int64_t bench_clock(int count)
{
    int64_t begun_ns = now_ns();
    struct timespec now;

    for (int i = 0; i < count; i++)
        clock_gettime(CLOCK_MONOTONIC, &now);
    return now_ns() - begun_ns;
}

/* --- memory --------------------------------------------------------------------------------- */

#define HEAP_LIVE 32

struct heap_user {
    int count;
    uint32_t random;
};

static void heap_use(struct heap_user *user)
{
    void *live[HEAP_LIVE] = { NULL };

    for (int i = 0; i < user->count; i++) {
        user->random = user->random * 1664525u + 1013904223u;
        unsigned slot = (user->random >> 27) % HEAP_LIVE;

        free(live[slot]);
        live[slot] = malloc(16 + (user->random >> 16) % 1024);
        must(live[slot] != NULL, "malloc");
    }
    for (unsigned slot = 0; slot < HEAP_LIVE; slot++)
        free(live[slot]);
}

static int64_t bench_heap(int count)
{
    struct heap_user user = { count, 1 };
    int64_t begun_ns = now_ns();

    heap_use(&user);
    return now_ns() - begun_ns;
}

static pthread_barrier_t heap_start;

static void *heap_thread(void *arg)
{
    struct heap_user *user = arg;

    pthread_barrier_wait(&heap_start);
    heap_use(user);
    return NULL;
}

static int64_t bench_heap_8(int count)
{
    pthread_t threads[8];
    struct heap_user users[8];

    must(pthread_barrier_init(&heap_start, NULL, 9) == 0, "pthread_barrier_init");
    for (unsigned i = 0; i < 8; i++) {
        users[i] = (struct heap_user){ count / 8, i };
        must(pthread_create(&threads[i], NULL, heap_thread, &users[i]) == 0, "pthread_create");
    }
    int64_t begun_ns = now_ns();
    pthread_barrier_wait(&heap_start);
    for (unsigned i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    int64_t taken_ns = now_ns() - begun_ns;
    pthread_barrier_destroy(&heap_start);
    return taken_ns;
}

/* --- files ---------------------------------------------------------------------------------- */

#define FILES_MOST 64

/* The steps of one life of many files; each measure runs them all and counts its own. */
enum files_step { FILES_CREATE, FILES_WRITE, FILES_READ, FILES_UNLINK, FILES_STEPS };

static void files_do(enum files_step step, const char *path, int *fd)
{
    static char page[4096];

    switch (step) {
    case FILES_CREATE:
        *fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
        must(*fd >= 0, "open");
        break;
    case FILES_WRITE:
        must(pwrite(*fd, page, sizeof(page), 0) == sizeof(page), "pwrite");
        break;
    case FILES_READ:
        must(pread(*fd, page, sizeof(page), 0) == sizeof(page), "pread");
        break;
    default:
        must(unlink(path) == 0 && close(*fd) == 0, "unlink");
    }
}

static int64_t bench_files(int count, enum files_step which)
{
    static char paths[FILES_MOST][20];
    static int fds[FILES_MOST];
    int64_t taken_ns = 0;

    must(count <= FILES_MOST, "files");
    for (int i = 0; i < count; i++)
        snprintf(paths[i], sizeof(paths[i]), "/tmp/bench-%d", i);
    for (enum files_step step = FILES_CREATE; step < FILES_STEPS; step++) {
        int64_t begun_ns = now_ns();

        for (int i = 0; i < count; i++)
            files_do(step, paths[i], &fds[i]);
        if (step == which)
            taken_ns = now_ns() - begun_ns;
    }
    return taken_ns;
}

static int64_t bench_create(int count)
{
    return bench_files(count, FILES_CREATE);
}

static int64_t bench_write(int count)
{
    return bench_files(count, FILES_WRITE);
}

static int64_t bench_read(int count)
{
    return bench_files(count, FILES_READ);
}

static int64_t bench_unlink(int count)
{
    return bench_files(count, FILES_UNLINK);
}

/* --- calls ---------------------------------------------------------------------------------- */

/* On Linux past the C library, which may remember what it was told. */
static int64_t bench_getppid(int count)
{
    int64_t begun_ns = now_ns();

    for (int i = 0; i < count; i++) {
#ifdef __linux__
        syscall(SYS_getppid);
#else
        getppid();
#endif
    }
    return now_ns() - begun_ns;
}

static int64_t bench_pipe(int count)
{
    char message[64] = { 0 };
    int ends[2];

    must(pipe(ends) == 0, "pipe");
    int64_t begun_ns = now_ns();
    for (int i = 0; i < count; i++) {
        must(write(ends[1], message, sizeof(message)) == sizeof(message), "write to a pipe");
        must(read(ends[0], message, sizeof(message)) == sizeof(message), "read from a pipe");
    }
    int64_t taken_ns = now_ns() - begun_ns;
    close(ends[0]);
    close(ends[1]);
    return taken_ns;
}

/* --- compute: a list, a matrix, a checksum; never a call ------------------------------------- */

#define COMPUTE_NODES 128
#define COMPUTE_SIDE 16

struct compute_node {
    struct compute_node *next;
    uint16_t value;
};

static uint16_t compute_crc(uint16_t crc, uint16_t word)
{
    for (int bit = 0; bit < 16; bit++) {
        bool odd = ((crc ^ word) & 1) != 0;

        crc >>= 1;
        word >>= 1;
        if (odd)
            crc ^= 0xa001;
    }
    return crc;
}

/* Turn the list around, and look for the value that has just come to the end. */
static uint16_t compute_list(struct compute_node **list, uint16_t crc)
{
    struct compute_node *turned = NULL;
    uint16_t wanted = (*list)->value;

    for (struct compute_node *node = *list; node != NULL;) {
        struct compute_node *next = node->next;

        node->next = turned;
        turned = node;
        node = next;
    }
    *list = turned;
    while (turned->value != wanted)
        turned = turned->next;
    return compute_crc(crc, turned->value);
}

static uint16_t compute_matrix(int32_t a[COMPUTE_SIDE][COMPUTE_SIDE], uint16_t crc)
{
    int32_t sum = 0;

    for (int row = 0; row < COMPUTE_SIDE; row++) {
        for (int column = 0; column < COMPUTE_SIDE; column++) {
            uint32_t product = 0;

            for (int i = 0; i < COMPUTE_SIDE; i++)
                product += (uint32_t)a[row][i] * (uint32_t)a[i][column];
            sum += (int32_t)(product >> 5 & 0xfff) > row ? 1 : (int32_t)(product & 0xff);
        }
    }
    a[crc % COMPUTE_SIDE][sum & (COMPUTE_SIDE - 1)] = sum & 0x7f;
    return compute_crc(crc, (uint16_t)sum);
}

static int64_t bench_compute(int count)
{
    static struct compute_node nodes[COMPUTE_NODES];
    static int32_t matrix[COMPUTE_SIDE][COMPUTE_SIDE];
    struct compute_node *list = NULL;
    uint16_t crc = 0xffff;

    for (unsigned i = 0; i < COMPUTE_NODES; i++) {
        unsigned place = i * 37 % COMPUTE_NODES; /* neighbours in the list are not in memory */

        nodes[place] = (struct compute_node){ list, (uint16_t)(i * 2654435761u >> 16) };
        list = &nodes[place];
    }
    for (int i = 0; i < COMPUTE_SIDE * COMPUTE_SIDE; i++)
        matrix[i / COMPUTE_SIDE][i % COMPUTE_SIDE] = i * 7 % 61 - 30;
    int64_t begun_ns = now_ns();
    for (int i = 0; i < count; i++) {
        crc = compute_list(&list, crc);
        crc = compute_matrix(matrix, crc);
        for (unsigned n = 0; n < COMPUTE_NODES; n++)
            crc = compute_crc(crc, nodes[n].value);
    }
    int64_t taken_ns = now_ns() - begun_ns;
    check = crc;
    return taken_ns;
}

/* --- all of them ---------------------------------------------------------------------------- */

static const struct measure {
    const char *name;
    int64_t (*batch)(int count); /* nanoseconds of count operations */
    int count;
} measures[] = {
    { "getppid", bench_getppid, 1000 },
    { "clock_gettime", bench_clock, 1000 },
    { "pipe", bench_pipe, 400 },
    { "create", bench_create, FILES_MOST },
    { "write", bench_write, FILES_MOST },
    { "read", bench_read, FILES_MOST },
    { "unlink", bench_unlink, FILES_MOST },
    { "malloc", bench_heap, 4000 },
    { "malloc8", bench_heap_8, 8000 },
    { "semaphore", bench_semaphore, 400 },
    { "mutex", bench_mutex, 400 },
    { "thread", bench_thread, 60 },
    { "timer", bench_timer, 50 },
    { "compute", bench_compute, 50 },
};

static int compare_ns(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The first batch meets pages that nobody has touched: it is run and not counted. */
static void run(const struct measure *measure, size_t batches)
{
    int64_t begun_ns = now_ns();
    int64_t taken_ns[BATCHES_MOST];
    size_t done = 0;

    measure->batch(measure->count);
    do {
        taken_ns[done++] = measure->batch(measure->count);
    } while (done < batches && now_ns() - begun_ns < MEASURE_MOST_NS);
    qsort(taken_ns, done, sizeof(taken_ns[0]), compare_ns);
    printf("bench: %s %lld\n", measure->name,
           (long long)(taken_ns[done / 2] * 1000 / measure->count));
    fflush(stdout);
    sleep_until(now_ns() + QUIET_NS);
}

int main(int argc, char **argv)
{
    int batches = argc == 2 ? atoi(argv[1]) : 0;

#ifdef __linux__
    /* A machine without anything yet; and no slack, by which Linux wakes an ordinary thread late. */
    mkdir("/tmp", 0777);
    must(mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0, "mount /tmp");
    must(prctl(PR_SET_TIMERSLACK, 1ul) == 0, "prctl");
#endif
    must(batches >= 1 && batches <= BATCHES_MOST, "the number of batches");
    sleep_until(now_ns() + SECOND_NS); /* the boot's own work, and dom0's with it, has settled */
    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
        run(&measures[i], (size_t)batches);
    printf("bench: check %lu\nbench: end\n", (unsigned long)check);
    leave(0);
}
