" ~/.vim/compiler/patchscan.vim: `:compiler patchscan`, then `:make HEAD~3..` or `:make v2.mbox`; `:cnext` walks the remarks.
if exists("current_compiler")
  finish
endif
let current_compiler = "patchscan"
CompilerSet makeprg=patchscan\ --quiet\ --format\ concise\ $*
CompilerSet errorformat=%f:%l:\ %trror:\ %m,%f:%l:\ %tarning:\ %m,%f:%l:\ %tnfo:\ %m,%-G%.%#
