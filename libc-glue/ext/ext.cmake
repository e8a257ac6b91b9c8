# ext: what it consists of, for the guest's library and the host tests.
set(EXT_DIR ${CMAKE_CURRENT_LIST_DIR})
set(E2FS_DIR ${CMAKE_BINARY_DIR}/e2fsprogs)

file(STRINGS ${CMAKE_SOURCE_DIR}/tools/deps/e2fsprogs/sources.txt _e2fs_names)
list(TRANSFORM _e2fs_names PREPEND ${E2FS_DIR}/src/ OUTPUT_VARIABLE E2FS_SOURCES)

# Ours, all but what belongs to a guest: the thread, and disks by name.
set(EXT_SOURCES
    alloc.c
    cache.c
    crc.c
    data.c
    dir.c
    flight.c
    htree.c
    indirect.c
    io.c
    journal.c
    library.c
    map.c
    mount.c
    ops.c
    ops_names.c
    orphan.c
    recovery.c
    set.c
    table.c
    transaction.c)
list(TRANSFORM EXT_SOURCES PREPEND ${EXT_DIR}/)

set(EXT_INCLUDES ${E2FS_DIR}/include ${E2FS_DIR}/include/ext2fs)
