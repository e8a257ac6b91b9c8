# libc-glue/ext on images made by mke2fs, in memory: libext2fs and ours as host programs.
#
#   xenolith_ext_test(NAME)      host.NAME from test_NAME.c
include(${CMAKE_SOURCE_DIR}/libc-glue/ext/ext.cmake)

# The command that unpacks them stands in libc-glue/ext.
set_source_files_properties(${E2FS_SOURCES} PROPERTIES GENERATED ON)

add_library(e2fs STATIC EXCLUDE_FROM_ALL ${E2FS_SOURCES})
target_compile_options(e2fs PRIVATE -g -O1 -w -ffunction-sections -fsanitize=address)
target_include_directories(e2fs SYSTEM PUBLIC ${EXT_INCLUDES})
add_dependencies(e2fs xenolith_e2fs)

add_library(ext_host STATIC EXCLUDE_FROM_ALL ${EXT_SOURCES})
target_compile_options(ext_host PRIVATE -std=gnu11 -g -O1 -Wall -Wextra -D_GNU_SOURCE=
    -D__XEN_INTERFACE_VERSION__=0x00040d00 -ffunction-sections
    -fsanitize=address,undefined -fno-sanitize-recover=all)
target_include_directories(ext_host PRIVATE ${CMAKE_SOURCE_DIR}/libc-glue
    ${CMAKE_SOURCE_DIR}/drivers/include ${CMAKE_SOURCE_DIR}/runtime/include
    ${CMAKE_SOURCE_DIR}/platform-xen/include)
target_link_libraries(ext_host PUBLIC e2fs)

function(xenolith_ext_test name)
    xenolith_glue_test(${name} files/file files/poll_source ${_glue_vfs})
    target_sources(test_${name} PRIVATE ext_image.c ext_files.c ext_threads.c)
    target_link_libraries(test_${name} PRIVATE ext_host)
    target_link_options(test_${name} PRIVATE -Wl,--gc-sections)
    set_tests_properties(host.${name} PROPERTIES TIMEOUT 900 SKIP_REGULAR_EXPRESSION "^SKIP")
endfunction()

xenolith_ext_test(ext)
target_link_options(test_ext PRIVATE -Wl,--wrap=ext2fs_punch)
xenolith_ext_test(ext_crash)
xenolith_ext_test(ext_flight)
target_link_options(test_ext_flight PRIVATE -Wl,--wrap=malloc)
xenolith_ext_test(ext_model)
xenolith_ext_test(ext_journal)
# Every 29th end of each workload; EXT_CRASH_STEP=1 test_ext_crash tries all, in some minutes.
set_tests_properties(host.ext_crash PROPERTIES ENVIRONMENT "EXT_CRASH_STEP=29")
