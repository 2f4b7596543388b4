# Types each LINE and a tab into an interactive zsh, and prints what was offered, one a line, then "--".
# Usage: zsh -f complete-in-zsh.zsh FOLDER SCRIPT LINE...
zmodload zsh/zpty
folder=$1 script=$2
shift 2

mkfifo $folder/offered
exec {offered}<>$folder/offered

cat >$folder/session.zsh <<SESSION
PROMPT= RPROMPT=
exec {offered}>$folder/offered
autoload -Uz compinit && compinit -u -d $folder/zcompdump
source $script
bindkey -e
bindkey '^I' complete-word
compadd() {
  local -a hits
  # What is asked for within zsh's own functions is no offer yet.
  if [[ "\${@[1,(i)(-|--)]}" == *-[OAD]* ]]; then builtin compadd "\$@"; return; fi
  builtin compadd -O hits "\$@"
  (( \$#hits )) && print -rl -u \$offered -- "\$IPREFIX\${^hits[@]}"
  builtin compadd "\$@"
}
finish() { comppostfuncs=(finish) compstate[insert]= compstate[list]=; print -u \$offered -- -- }
comppostfuncs=(finish)
print -u \$offered -- ready
SESSION

zpty shell "zsh -f -i"
zpty -w shell "source $folder/session.zsh"
read -r -u $offered answer

for line in "$@"; do
  zpty -n -w shell "$line"$'\t'
  while read -r -u $offered answer; do
    print -r -- "$answer"
    [[ $answer != -- ]] || break
  done
  zpty -n -w shell $'\x15'
done
zpty -d shell
