#!/usr/bin/env bash
# From a model to a tested figure in one pipeline, twice, with byte-identical runs.
#
#   examples/pipeline.sh                    # distil en-so first (bitext `cldr`, minutes on a laptop)
#   MODEL=minilm-en examples/pipeline.sh    # the English teacher as it is, no training
#   MODEL=minilm-en TOPICS=en examples/pipeline.sh    # its ceiling: English topics
#
# Everything it needs comes with `pip install 'clirot[offline]'`; nothing is downloaded.
# Prints the table of `clirot evaluate` on stdout; the rest is on stderr.
set -euo pipefail

LANGUAGE=${LANGUAGE:-so}
TOPICS=${TOPICS:-$LANGUAGE}
MODEL=${MODEL:-en-$LANGUAGE}
COLLECTION=cldr/$LANGUAGE

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$MODEL" = "en-$LANGUAGE" ]; then
    MODEL=$(clirot distill --src en --tgt "$LANGUAGE" --source cldr)
fi
index=$(clirot index --model "$MODEL" --collection "$COLLECTION")

for attempt in 1 2; do
    clirot search --index "$index" --collection "$COLLECTION" --lang "$TOPICS" -k 100 |
        tee "$work/$attempt.run" |
        clirot evaluate --collection "$COLLECTION" --metric map --metric ndcg@10 \
            > "$work/$attempt.table"
done

cmp "$work/1.run" "$work/2.run"
cmp "$work/1.table" "$work/2.table"
echo "two runs of $(wc -l < "$work/1.run") lines, byte for byte the same" >&2
cat "$work/1.table"
