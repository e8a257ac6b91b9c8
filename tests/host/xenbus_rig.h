/*
 * xenbus_rig: a driver of toys that keeps a diary, on the real xenbus and fakexen's xenstore; the test
 * plays the tool stack and the back end.
 */
#ifndef TESTS_HOST_XENBUS_RIG_H
#define TESTS_HOST_XENBUS_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <drivers/xenbus.h>

#define DIARY_MAX 4096
#define FRONT "/local/domain/7/device/toy"
#define BACK "/local/domain/3/backend/toy/7"

/* What the driver was told: + created, 2 a state, ! gone, - destroyed; of device 0 unless said. */
extern char diary[DIARY_MAX];
extern char log_text[DIARY_MAX];

struct toy {
    struct xenbus_device dev;
    unsigned id;
    bool stopped;
    uint64_t size;
    int size_error;
};

extern const struct xenbus_driver toy_driver;
extern struct xenbus_driver_state toys, others; /* others: of a second driver, if a test has one */
extern unsigned created, destroyed, discovered;

/* The next toys are not wanted; the driver answers no state; and what it does before it answers. */
extern bool refuse_next, hold_back;
extern void (*during)(struct toy *toy, enum xenbus_state state);

struct toy *toy_of(struct xenbus_device *dev);
struct toy *toy_at(unsigned id); /* or NULL */

/* A guest with a xenstore, and no device and no driver yet. */
void rig_start(void);
/* The tool stack makes a toy, whose back end waits. */
void rig_add(unsigned id);
/* The back end's state; then everything that follows from it. */
void rig_state(unsigned id, enum xenbus_state state);
/* Everything that follows from what was done, and then nothing for so long that the type is watched. */
void rig_rest(void);
/* The driver is registered; then everything that follows, and a rest. */
void rig_run(void);
/* As `xl detach`, of what is there; then the watch of the type is all that stays. */
void rig_end(unsigned devices);

#endif
