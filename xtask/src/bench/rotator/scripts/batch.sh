#!/bin/sh
# Many first rotations: batch COUNT PARALLEL FOLDER ROTATE
set -eu
seq "$1" | xargs -P "$2" -I '{}' "$4" 'user-{}' "$3" 0
