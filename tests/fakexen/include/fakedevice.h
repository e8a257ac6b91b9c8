/*
 * fakedevice: a device as the tool stack makes it in fakexen's xenstore, and its back end's part.
 *
 * Two directories: /local/domain/7/device/TYPE/ID, the guest's, and
 * /local/domain/DOM/backend/TYPE/7/ID, the back end's. A test plays the back end: it sets keys and
 * states there and reads what the guest published. Every change is seen by the guest in the next
 * fakexen_run(), or at once where upcalls are open.
 *
 *     fakedevice_add("vif", 0, 0, (const char *[]){ "feature-sg", "1", NULL });   // tool stack
 *     vcpu_restore_upcalls(false);
 *     fakexen_run();                                                              // guest
 *     CHECK_EQ(fakedevice_front_state("vif", 0), XenbusStateConnected);
 *     fakedevice_state("vif", 0, XenbusStateConnected); fakexen_run();
 */
#ifndef FAKEDEVICE_H
#define FAKEDEVICE_H

#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/xenbus.h>

/* Both directories: the front end Initialising, the back end InitWait with these keys, values. */
void fakedevice_add(const char *type, unsigned id, domid_t backend, const char *const *keys_values);
/* The same, but the back end is late: it has neither a state nor keys. */
void fakedevice_add_front(const char *type, unsigned id, domid_t backend);

/* A key of the back end's directory; NULL removes it. */
void fakedevice_set(const char *type, unsigned id, const char *key, const char *value);
void fakedevice_set_uint(const char *type, unsigned id, const char *key, uint64_t value);
void fakedevice_state(const char *type, unsigned id, enum xenbus_state state);
/* A key of the guest's directory, as the tool stack writes it. */
void fakedevice_set_front(const char *type, unsigned id, const char *key, const char *value);

/* What the guest published; NULL: nothing. A number: UINT64_MAX when there is none. */
const char *fakedevice_front(const char *type, unsigned id, const char *key);
uint64_t fakedevice_front_uint(const char *type, unsigned id, const char *key);
/* Its state; XenbusStateUnknown without one. */
enum xenbus_state fakedevice_front_state(const char *type, unsigned id);

/* As the end of xl detach: both directories vanish. */
void fakedevice_remove(const char *type, unsigned id);

#endif
