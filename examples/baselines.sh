#!/usr/bin/env bash
# What a reviewer asks for beside a student: lexical retrieval, translation, fusion; one tested table.
#
#     bash examples/baselines.sh COLLECTION TEACHER LANG=STUDENT...
#
# for example
#
#     export CLIROT_HOME=results
#     clirot table --src en --tgt so --source hornmt
#     RUNS=runs MT=data/xquad_mt bash examples/baselines.sh data/xquad me5-small so=en-so sw=en-sw
#
# Every language needs a translation table en-LANG, made from the bitext of its student. Where the
# collection in MT has the topics of LANG translated into English (queries.en.from-LANG.tsv), there
# are two systems more. Runs that are there are not made again. The table has a column for each
# language; every system is tested against the student. FORMAT=text|markdown|latex.
set -euo pipefail

collection=$1 teacher=$2
shift 2
runs=${RUNS:-runs} depth=${DEPTH:-100}
name=$(basename "$collection")
mkdir -p "$runs"

words=$(clirot index --model bm25 --collection "$collection")
tokens=$(clirot index --model "$teacher" --collection "$collection")

run() { # run SYSTEM LANG OPTIONS...
    local file=$runs/$name.$1.$2
    [ -s "$file" ] || { clirot search "${@:3}" -k "$depth" >"$file.part" && mv "$file.part" "$file"; }
}

files=()
for pair in "$@"; do
    lang=${pair%%=*} student=${pair#*=}
    topics=(--collection "$collection" --lang "$lang")
    run bm25 "$lang" --index "$words" "${topics[@]}"
    clirot translate --model table --table "en-$lang" "${topics[@]}" >"$runs/$name.words.$lang.tsv"
    run words+bm25 "$lang" --index "$words" --topics "$runs/$name.words.$lang.tsv"
    run psq "$lang" --index "$words" "${topics[@]}" --model psq
    run psq-hmm "$lang" --index "$words" "${topics[@]}" --model psq-hmm
    run teacher "$lang" --index "$tokens" "${topics[@]}"
    run student "$lang" --index "$tokens" "${topics[@]}" --model "$student"
    run bm25-english "$lang" --index "$words" --collection "$collection" --lang en
    run teacher-english "$lang" --index "$tokens" --collection "$collection" --lang en
    systems=(bm25 words+bm25 psq psq-hmm teacher student)
    if [ -n "${MT:-}" ] && [ -s "$MT/queries.en.from-$lang.tsv" ]; then
        run mt+bm25 "$lang" --index "$words" --topics "$MT/queries.en.from-$lang.tsv"
        run mt+teacher "$lang" --index "$tokens" --topics "$MT/queries.en.from-$lang.tsv"
        systems+=(mt+bm25 mt+teacher)
    fi
    for system in "${systems[@]}" bm25-english teacher-english; do
        files+=("$system@$lang=$runs/$name.$system.$lang")
    done
done

clirot evaluate "${files[@]}" --collection "$collection" --baseline student \
    --metric map --metric precision@5 --metric ndcg@10 \
    --fuse wsum:psq-hmm=0.5,student=0.5 --fuse wsum:bm25=0.34,psq-hmm=0.33,student=0.33 \
    --format "${FORMAT:-text}"
