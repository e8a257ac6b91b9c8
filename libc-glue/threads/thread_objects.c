/*
 * thread_objects: C++'s objects of threads. The compiler registers each thread_local object's
 * destructor when the object is made; they run at the thread's end, the youngest first, before the
 * keys' destructors. main's run among the atexit handlers, from where its first one was registered.
 */
#include <stdlib.h>

#include "posix_thread.h"
#include "thread_end.h"

struct thread_ending {
    struct thread_ending *next;
    void (*destroy)(void *object);
    void *object;
};

int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *dso);
int __cxa_thread_atexit(void (*destroy)(void *), void *object, void *dso)
    __attribute__((weak, alias("__cxa_thread_atexit_impl")));

void thread_end_objects(struct posix_thread *self)
{
    struct thread_ending *ending;

    while ((ending = self->endings) != NULL) {
        self->endings = ending->next;
        ending->destroy(ending->object);
        free(ending);
    }
}

static void thread_end_main(void)
{
    if (posix_self() == posix_main())
        thread_end_objects(posix_main());
}

int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *dso)
{
    struct posix_thread *self = posix_self();
    static bool main_registered; /* main's alone */
    struct thread_ending *ending = malloc(sizeof(*ending));

    (void)dso;
    if (ending == NULL)
        return -1;
    if (self == posix_main() && !main_registered) {
        main_registered = true;
        atexit(thread_end_main);
    }
    *ending = (struct thread_ending){ self->endings, destroy, object };
    self->endings = ending;
    return 0;
}
