# Stands in for Slicer's build: enough of it to configure and install LNStation without Slicer, and a record of what
# was asked of it. Signatures and places are those of Slicer 5 (CMake/SlicerMacroBuildScriptedModule.cmake,
# CMake/SlicerMacroPythonTesting.cmake, Slicer's install folders).
#
# Written to the build folder: recorded_scripts.txt, recorded_resources.txt, recorded_tests.txt, recorded_metadata.txt.

set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/RecordMetadata.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake")

set(Slicer_USE_PYTHONQT ON)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "lib/Slicer-5.10/qt-scripted-modules")
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "lib/Slicer-5.10/qt-scripted-modules")

if(NOT DEFINED BUILD_TESTING)
  set(BUILD_TESTING ON)
endif()
