# A program or library from somebody else's sources: fetched, and built unchanged by its own build system.
#
#   xenolith_package(NAME [PROGRAMS FILE...] [FILES FILE...] [CONFIGURE WORD...] BUILD WORD...
#                    [DIRECTORY DIR] [WITH FILE...] [NEEDS PROGRAM...])
#
# NAME is an entry of pins.json beside the CMakeLists.txt: version, file, sha256, source package and
# suite, as in tools/deps/pins.json. Its sources are unpacked below the build directory; CONFIGURE runs
# once, then BUILD, both in DIRECTORY of the sources (default: their top) with the SDK's tools in PATH.
# PROGRAMS, which are images, and FILES, such as a library and its header, are paths below DIRECTORY;
# they end up in the build directory. `xenolith run DIR` boots the first program. WITH names files beside
# the CMakeLists.txt that the package asks its builder to write; they are put into DIRECTORY first. NEEDS names what the
# build asks of this machine beyond a compiler, CMake, Ninja and make; `xenolith` installs it.
# The target NAME_package is for those who depend on FILES.
#
# In CONFIGURE and BUILD, @SDK@ is the SDK's directory and @JOBS@ the number of processors.
# What was built stays in the cache, named by the sources, these words and the content of the SDK, so
# that no other build directory has to build it again.
include_guard(GLOBAL)

find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
get_filename_component(_xenolith_share "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(XENOLITH_PACKAGE_SHARE ${_xenolith_share} CACHE INTERNAL "share/xenolith of the SDK")

function(xenolith_package name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "DIRECTORY" "PROGRAMS;FILES;WITH;CONFIGURE;BUILD;NEEDS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "xenolith_package(${name}): unknown argument ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_BUILD OR NOT (arg_PROGRAMS OR arg_FILES))
        message(FATAL_ERROR "xenolith_package(${name}): BUILD, and PROGRAMS or FILES, are missing")
    endif()
    get_filename_component(sdk ${XENOLITH_PACKAGE_SHARE}/../.. ABSOLUTE)
    set(builder ${XENOLITH_PACKAGE_SHARE}/deps/package.py)
    set(pins ${CMAKE_CURRENT_SOURCE_DIR}/pins.json)

    set(outputs "")
    set(described "")               # for the xenolith command: see tools/cli/packages.py
    foreach(path IN LISTS arg_PROGRAMS arg_FILES)
        get_filename_component(file ${path} NAME)
        list(APPEND outputs ${CMAKE_CURRENT_BINARY_DIR}/${file})
        if(path IN_LIST arg_PROGRAMS)
            string(APPEND described "program ${CMAKE_CURRENT_BINARY_DIR}/${file}\n")
        endif()
    endforeach()
    foreach(program IN LISTS arg_NEEDS)
        string(APPEND described "needs ${program}\n")
    endforeach()
    file(WRITE ${CMAKE_BINARY_DIR}/xenolith-packages/${name} "${described}")

    list(TRANSFORM arg_WITH PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    file(GLOB libraries CONFIGURE_DEPENDS ${sdk}/x86_64-xenolith-elf/lib/*)
    add_custom_command(OUTPUT ${outputs}
        COMMAND ${Python3_EXECUTABLE} -B ${builder} ${sdk} ${pins} ${name} ${CMAKE_CURRENT_BINARY_DIR}
            DIRECTORY ${arg_DIRECTORY} WITH ${arg_WITH} FILES ${arg_PROGRAMS} ${arg_FILES}
            CONFIGURE ${arg_CONFIGURE} BUILD ${arg_BUILD}
        DEPENDS ${builder} ${pins} ${arg_WITH} ${libraries}
        COMMENT "Package: ${name}" VERBATIM)
    add_custom_target(${name}_package ALL DEPENDS ${outputs})
endfunction()
