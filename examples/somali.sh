#!/usr/bin/env bash
# Somali on real corpora: does transport add to the transplant it starts from?
#
#     CLIROT_HOME=results bash examples/somali.sh NAME "SEEDS" COLLECTIONS_DIR BITEXT_ARG...
#
# for example
#
#     bash examples/somali.sh news-quran "1 2 3" data/collections \
#         --source hornmt --file data/bitext/quran.en-so.train.tsv.gz
#
# For every seed a student is distilled; teacher, transplant, students and the English-topic ceiling
# are searched on flores_dev, quran_heldout and tico19_passage (COLLECTIONS="..." chooses others) and
# tested against the transplant over the topics. OBJECTIVE=... chooses another than transport. Tables
# go to stdout.
set -euo pipefail

name=$1 seeds=$2 data=$3
shift 3
collections=${COLLECTIONS:-flores_dev quran_heldout tico19_passage}
epochs=${EPOCHS:-2}
runs=${RUNS:-$name-runs}
mkdir -p "$runs"

distill=(clirot distill --src en --tgt so --teacher minilm-en --student transplant)
"${distill[@]}" --objective none --name "$name.none" --seed 1 "$@"
for seed in $seeds; do
    "${distill[@]}" --objective "${OBJECTIVE:-transport}" --name "$name.$seed" --seed "$seed" \
        --epochs "$epochs" "$@"
done
for collection in $collections; do
    index=$(clirot index --model minilm-en --collection "$data/$collection")
    search() {
        [ -s "$runs/$collection.$1.run" ] && return
        clirot search --index "$index" --collection "$data/$collection" "${@:2}" -k 100 \
            >"$runs/part" && mv "$runs/part" "$runs/$collection.$1.run"
    }
    search teacher --lang so
    search english --lang en
    search transplant --lang so --model "$name.none"
    files=()
    for seed in $seeds; do
        search "seed$seed" --lang so --model "$name.$seed"
        files+=("seed$seed=$runs/$collection.seed$seed.run")
    done
    echo "== $name on $collection"
    clirot evaluate "teacher=$runs/$collection.teacher.run" \
        "transplant=$runs/$collection.transplant.run" "${files[@]}" \
        "english=$runs/$collection.english.run" \
        --collection "$data/$collection" --metric map --metric ndcg@10 --baseline transplant
done
