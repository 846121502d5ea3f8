#!/usr/bin/env bash
# The main job, end to end, with nothing but what pip installed: bitext and collection are made from
# CLDR's names and facts, the teacher is a small English sentence encoder used token by token.
#
#     bash examples/demo.sh so demo-output
#
# The four rows of the table it ends with: the teacher searched with topics in the language as it
# is; the student before training (vocabulary transplant alone); the distilled student; and the
# ceiling, the teacher searched with the English wording of the same topics.
set -euo pipefail

tgt=${1:-so}
out=${2:-demo-output}
mkdir -p "$out"

clirot fetch-bitext --src en --tgt "$tgt" --source cldr
# The names are facts, not sentences, and the figures below are those of this start.
start=$(clirot distill --src en --tgt "$tgt" --source cldr --teacher minilm-en \
    --student transplant --objective none)
student=$(clirot distill --src en --tgt "$tgt" --source cldr --teacher minilm-en \
    --student transplant)

collection="cldr/$tgt"
index=$(clirot index --model minilm-en --collection "$collection")
clirot search --index "$index" --collection "$collection" >"$out/teacher-as-is.run"
clirot search --index "$index" --model "$start" --collection "$collection" >"$out/transplant.run"
clirot search --index "$index" --model "$student" --collection "$collection" >"$out/distilled.run"
clirot search --index "$index" --collection "$collection" --lang en >"$out/english-topics.run"

echo
clirot align --model "$student" --collection "$collection" --out "$out/alignment-$tgt.png"
echo
clirot evaluate "$out"/teacher-as-is.run "$out"/transplant.run "$out"/distilled.run \
    "$out"/english-topics.run --collection "$collection" --metric map --metric ndcg@10 \
    --baseline transplant
echo "alignment picture: $out/alignment-$tgt.png"
