# Copyright (c) Kumon runbook contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of an act on the release, in the words of modules, which are English ones."""

from __future__ import annotations

from ansible_collections.kumon.runbook.plugins.plugin_utils.words import Both

SENTENCES: tuple[Both, ...] = (
    # The work tree.
    Both(
        "{path} não existe neste host: corrija runbook_app_dir",
        "{path} does not exist on this host: correct runbook_app_dir",
    ),
    Both("{path} é de {user}: rode com become: true", "{path} belongs to {user}: run with become: true"),
    Both("o git não está instalado neste host: instale-o", "git is not installed on this host: install it"),
    Both(
        "o git não responde em {path}: o disco está travado, ou há um pipe no .git dele?",
        "git gives no answer in {path}: does its disk hang, or does a pipe stand in its .git?",
    ),
    Both(
        "o git não roda como {user}, dono de {path} ({why})", "git cannot be run as {user}, the owner of {path} ({why})"
    ),
    Both(
        "{path} não é uma árvore do git ({why}): corrija runbook_app_dir",
        "{path} is no git work tree ({why}): correct runbook_app_dir",
    ),
    Both(
        "a árvore de {path} é {tree}: defina runbook_app_dir assim",
        "the work tree of {path} is {tree}: set runbook_app_dir to that",
    ),
    Both(
        "o repositório git em {path} não tem o commit a que HEAD aponta: não há de onde partir",
        "the git repository in {path} has no commit that HEAD names: there is nothing to go by",
    ),
    Both("git {command} falhou em {path} ({why})", "git {command} failed in {path} ({why})"),
    Both(
        "{path} não pode ser {done} por {user}, dono de {directory}: devolva-o (chown -R {again}: {tree}) e rode "
        "de novo",
        "{path} cannot be {done} by {user}, who {directory} belongs to: give it back (chown -R {again}: {tree}), and "
        "run again",
    ),
    Both("trocado", "replaced"),
    Both("escrito", "written to"),
    Both("lido", "read"),
    Both(
        "há um {what} em andamento em {path}: termine-o, ou desista com git {command}",
        "a {what} is under way in {path}: finish it, or end it with git {command}",
    ),
    Both(
        "o git está rodando em {path} (processo {pid}): espere terminar e rode de novo",
        "git runs in {path} (process {pid}): wait until it has ended, and run again",
    ),
    Both(
        "{path} ficou de um comando do git que foi morto: remova-o (rm {again}) e rode de novo",
        "{path} was left by a git command that was killed: remove it (rm {again}) and run again",
    ),
    Both("{why}: veja git status ali", "{why}: see git status there"),
    # The commit that is wanted.
    Both(
        "{wish} é mais de um commit em {path}: informe o id do commit (git log)",
        "{wish} names more than one commit in {path}: give the commit's id (git log)",
    ),
    Both(
        "{wish} não é commit, tag nem branch do repositório: informe um, ou de 4 a 40 dígitos hexadecimais de um "
        "commit (git log)",
        "{wish} is no commit, tag or branch of the repository: give one, or 4 to 40 hexadecimal digits of a "
        "commit id (git log)",
    ),
    Both(
        "o commit {wish} não está em {path}, que é um clone raso: busque-o (git fetch --unshallow) ou escolha outro",
        "commit {wish} is not in {path}, which is a shallow clone: fetch it (git fetch --unshallow) or choose another",
    ),
    Both(
        "o commit {wish} não está em {path}: busque-o (git fetch) ou escolha outro",
        "commit {wish} is not in {path}: fetch it (git fetch) or choose another",
    ),
    Both(
        "o commit {wish} é ambíguo em {path}: informe mais dígitos",
        "commit {wish} is ambiguous in {path}: give more digits of it",
    ),
    Both(
        "o commit {commit} não está inteiro em {path} ({why}): busque-o de novo (git fetch --refetch) ou escolha outro",
        "commit {commit} is not whole in {path} ({why}): fetch it again (git fetch --refetch) or choose another",
    ),
    Both("state present precisa de um commit: defina commit", "state present needs a commit: set commit"),
    # Submodules and filters.
    Both(
        "o submódulo {path} é um arquivo em {release}: tire-o dali à mão, ou escolha outra versão",
        "submodule {path} is a file in {release}: move it away by hand, or choose another release",
    ),
    Both(
        "o submódulo {path} não pôde ir para {commit} ({why})", "submodule {path} cannot be moved to {commit} ({why})"
    ),
    Both(
        "o submódulo {path} de {release} não está ali: busque-o (git submodule update --init {again}), ou "
        "escolha outra versão",
        "submodule {path} of {release} is not there: fetch it (git submodule update --init {again}), or choose "
        "another release",
    ),
    Both(
        "o submódulo {path} não pode ser examinado ({why}): veja git submodule status ali",
        "submodule {path} cannot be looked at ({why}): see git submodule status there",
    ),
    Both(
        "o submódulo {path} não tem o commit {commit}, de que {release} precisa: busque-o (git -C {again} "
        "fetch), ou escolha outra versão",
        "submodule {path} has no commit {commit}, which {release} needs: fetch it (git -C {again} fetch), or "
        "choose another release",
    ),
    Both(
        "o submódulo {path} tem mudanças locais, e {release} precisa de outro commit dele: faça commit delas ou "
        "guarde-as (git -C {again} stash), e rode de novo",
        "submodule {path} has local changes, and {release} needs another commit of it: commit or put them away "
        "(git -C {again} stash), and run again",
    ),
    Both(
        "o submódulo {path} tem submódulos próprios, e {release} precisa deles em outro commit: troque-os à mão, "
        "ou escolha outra versão",
        "submodule {path} has submodules of its own, which {release} needs in another commit: put them in place "
        "by hand, or choose another release",
    ),
    Both(
        "um arquivo do commit {commit} não pode ser escrito como o filtro dele quer ({why}): traga o conteúdo "
        "para cá (git lfs fetch, ou o que o filtro pede), ou escolha outra versão",
        "a file of commit {commit} cannot be written as its filter wants it ({why}): bring its content here (git "
        "lfs fetch, or what the filter needs), or choose another release",
    ),
    Both(
        "de {path} o commit {commit} traria um ponteiro e não o conteúdo: traga o conteúdo para cá, prepare o "
        "filtro para {user} (git lfs install), ou escolha outra versão",
        "of {path} commit {commit} would bring a pointer and not the content: bring the content here, set its "
        "filter up for {user} (git lfs install), or choose another release",
    ),
    # Files that are in the way.
    Both(
        "{path} em {tree} fica abaixo de um diretório que {user} pode trocar, e ali o root não escreve arquivo "
        "de versão: dê a árvore inteira a um só usuário (chown -R), ou deixe-o de fora (runbook_release_ignore)",
        "{path} in {tree} lies below a directory that {user} can replace, and root writes no file of a release "
        "there: give the tree to one user as a whole (chown -R), or leave it out (runbook_release_ignore)",
    ),
    Both(
        "{path} tem um atributo que não deixa ninguém trocá-lo: tire-o (chattr -{letter} {again}) e rode de novo",
        "{path} has an attribute by which nobody may replace it: take that off (chattr -{letter} {again}), and "
        "run again",
    ),
    Both(
        "{path} é {what}, {user} pode trocá-lo, e a versão tem um arquivo ali: tire-o dali, ou deixe-o de fora "
        "(runbook_release_ignore)",
        "{path} is {what}, {user} can replace it, and the release has a file there: move it away, or leave it "
        "out (runbook_release_ignore)",
    ),
    Both(
        "{path} é um ponto de montagem, e a versão tem outro arquivo ali: deixe-o de fora "
        "(runbook_release_ignore) ou desmonte-o (umount {again}), e rode de novo",
        "{path} is a mount point, and the release has another file there: leave it out (runbook_release_ignore) "
        "or unmount it (umount {again}), and run again",
    ),
    Both("não dá para remover arquivos em {path} ({why})", "files cannot be removed in {path} ({why})"),
    Both("{path} em {tree} não pode ser trocado ({why})", "{path} in {tree} cannot be replaced ({why})"),
    Both(
        "{path} não é arquivo nem link, e a versão tem um arquivo ali",
        "{path} is neither a file nor a link, and the release has a file there",
    ),
    Both(
        "{path} é um repositório próprio, e a versão tem o arquivo {file}: tire-o dali",
        "{path} is a repository of its own, and the release has the file {file}: move it away",
    ),
    Both(
        "{path} não é da versão, e a versão tem o arquivo {file}: tire-o dali",
        "{path} is none of the release's, and the release has the file {file}: move it away",
    ),
    Both("{path} não pode ser guardado ({why})", "{path} cannot be kept ({why})"),
    Both("{path} foi trocado enquanto era guardado", "{path} was replaced while it was kept"),
    Both("git hash-object não guardou todos os arquivos", "git hash-object did not keep every file"),
    Both("{ref} não guarda nenhum estado da árvore", "{ref} holds no state of the tree"),
    Both("{ref} não guarda nenhum índice", "{ref} holds no index"),
    Both("{blob} não pode ser lido do repositório ({why})", "{blob} cannot be read from the repository ({why})"),
    Both(
        "{ref} sumiu de {path}, e com ele as mudanças locais ali guardadas: traga-o de uma cópia, ou ponha "
        "{commit} no lugar sem elas (-e rollback_commit={again})",
        "{ref} is gone from {path}, and with it the local changes that were kept there: fetch it from a copy, or "
        "put {commit} in place without them (-e rollback_commit={again})",
    ),
    Both(
        "{ref} foi guardado por uma versão mais antiga, que esta não sabe desfazer: ponha-o no lugar à mão (git "
        "checkout {again})",
        "{ref} was kept by an older version, which cannot be undone by this one: put it in place by hand (git "
        "checkout {again})",
    ),
    Both(
        "só há {free} MB livres em {path} e são precisos {needed} MB: libere espaço ali, ou diminua "
        "rollback_min_free_mb",
        "only {free} MB are free in {path} and {needed} MB are needed: free space there, or lower rollback_min_free_mb",
    ),
    # Requirements and environment.
    Both(
        "{name} não está na versão: corrija runbook_requirements, que é relativo à árvore",
        "{name} is not in the release: correct runbook_requirements, which is relative to the work tree",
    ),
    Both(
        "{release} não tem {name}: corrija runbook_requirements, ou deixe runbook_venv_dir vazio para não mexer "
        "em pacotes",
        "{release} has no {name}: correct runbook_requirements, or set runbook_venv_dir empty to leave packages alone",
    ),
    Both("{release} não tem {name}: escolha outra versão", "{release} has no {name}: choose another release"),
    Both(
        "os requisitos de {release} incluem {path}, que não está na versão: ponha-o lá",
        "the requirements of {release} include {path}, which is not in the release: put it there",
    ),
    Both("{name} de {release} não pode ser lido ({why}): {line}", "{name} of {release} cannot be read ({why}): {line}"),
    Both(
        "{name} de {release} instala da própria árvore ({line}), o que não dá para preparar ao lado dela: "
        "instale esses pacotes à mão e deixe runbook_venv_dir vazio",
        "{name} of {release} installs from the tree itself ({line}), which cannot be prepared beside it: install "
        "such packages by hand, and set runbook_venv_dir empty",
    ),
    Both(
        "os requisitos não estão ao alcance ({why}): ponha os wheels em rollback_wheelhouse (pip download), ou "
        "escolha outra versão",
        "the requirements cannot be had ({why}): put their wheels into rollback_wheelhouse (pip download), or "
        "choose another release",
    ),
    Both(
        "o próprio commit {commit} é o que se instala: só o de que ele precisa pode ser buscado",
        "commit {commit} is itself what is installed: only its needs can be fetched",
    ),
    Both("a árvore", "the work tree"),
    Both(
        "{path} não existe neste host: corrija runbook_venv_dir",
        "{path} does not exist on this host: correct runbook_venv_dir",
    ),
    Both(
        "{path} não é um ambiente virtual: corrija runbook_venv_dir",
        "{path} is no virtual environment: correct runbook_venv_dir",
    ),
    Both(
        "{path} é um link para {other}, que não foi feito pelo runbook: defina runbook_venv_dir assim",
        "{path} is a link to {other}, which is not of the runbook's making: set runbook_venv_dir to that",
    ),
    Both("{python} não roda ({why}): defina rollback_python", "{python} cannot be run ({why}): set rollback_python"),
    Both(
        "{path} não pode ser escrito, e não dá para criar um ambiente ali: rode com become: true",
        "{path} cannot be written, so no environment can be made in it: run with become: true",
    ),
    Both(
        "{user}, que pode mudar o que está em {directory}, não pode escrever em {path}: dê os dois a um só "
        "usuário, ou só ao root",
        "{path} cannot be written by {user}, who can change what stands in {directory}: give both to one user, "
        "or to root alone",
    ),
    Both(
        "{user} pode mudar o que está em {directory}, e {path} é do root: dê ao root o rollback_wheelhouse com "
        "tudo o que há nele, ou dê {again} a {other}",
        "{user} can change what lies in {directory}, and {path} is root's: give rollback_wheelhouse to root with "
        "all that lies in it, or {again} to {other}",
    ),
    Both(
        "um ambiente não ficou pronto em {seconds} s: aumente rollback_install_seconds",
        "an environment was not made within {seconds} s: set rollback_install_seconds higher",
    ),
    Both(
        "não dá para criar um ambiente em {path} ({why}): {advice}",
        "an environment cannot be made in {path} ({why}): {advice}",
    ),
    Both("instale python3-venv", "install python3-venv"),
    Both("veja esse diretório", "see that directory"),
    Both("{path} não existe: corrija rollback_wheelhouse", "{path} does not exist: correct rollback_wheelhouse"),
    Both(
        "rollback_wheelhouse tem que ser um caminho absoluto, não {path}",
        "wheelhouse must be an absolute path, not {path}",
    ),
    Both(
        "{path} não pode ser escrito ({why}): libere espaço ali, ou corrija rollback_wheelhouse",
        "{path} cannot be written ({why}): free space there, or correct rollback_wheelhouse",
    ),
    Both(
        "{path} não pode ser mudado ({why}): rode com become: true",
        "{path} cannot be changed ({why}): run with become: true",
    ),
    # Settings of the act, and the ledger.
    Both(
        "o budget é de {budget} s, mas instalar, reiniciar e voltar pode levar {needed} s: aumente-o, ou diminua "
        "rollback_install_seconds ou o tempo de reinício",
        "budget is {budget} s, but installing, a restart and the way back may take {needed} s: raise it, or "
        "lower install_seconds or restart_timeout",
    ),
    Both(
        "{name} tem que ficar entre 1 e {most} segundos, não {seconds}",
        "{name} must be between 1 and {most} seconds, not {seconds}",
    ),
    Both("min_free_mb não pode ser menor que 0: {number}", "min_free_mb must not be below 0, not {number}"),
    Both(
        "ignore tem {path}, que não é nada abaixo da árvore: corrija runbook_release_ignore",
        "ignore has {path}, which names nothing below the work tree: correct runbook_release_ignore",
    ),
    Both(
        "{path} está danificado: tire-o dali, e um novo registro começa",
        "{path} is damaged: move it away, and a new ledger begins",
    ),
    Both(
        "seconds tem que ser maior que 0 e no máximo 86400, não {seconds}",
        "seconds must be above 0 and at most 86400, not {seconds}",
    ),
    Both("proven_seconds não pode ser menor que 0: {seconds}", "proven_seconds must not be below 0, not {seconds}"),
    Both(
        "outro ato sobre as versões em {path} está em andamento, ou o que ele iniciou ainda roda: espere "
        "terminar e rode de novo",
        "another act on the releases in {path} is under way, or what it started still runs: wait until it has "
        "ended, and run again",
    ),
    Both(
        "{path} não pode ser aberto ({why}): corrija runbook_state_dir",
        "{path} cannot be opened ({why}): correct runbook_state_dir",
    ),
    Both(
        "{path} não pode ser escrito ({why}), nada foi mudado: {advice}",
        "{path} cannot be written ({why}), nothing was changed: {advice}",
    ),
    Both("{why}, nada foi mudado: veja isso e rode de novo", "{why}, nothing was changed: see that and run again"),
    # How an act on the release ended.
    Both(
        "o commit {commit} foi testado antes e não serve: {why}. Nada foi mudado; {advice}; -e "
        "rollback_trial=never o põe no lugar mesmo assim",
        "commit {commit} was tried first and would not do: {why}. Nothing was changed; {advice}; -e "
        "rollback_trial=never puts this one in place all the same",
    ),
    Both("não há outro a indicar", "there is no other one to name"),
    Both(
        "o próximo candidato é {commit} ({subject}), -e rollback_commit={again}",
        "the next candidate is {commit} ({subject}), -e rollback_commit={again}",
    ),
    Both(
        "o processo terminou ao iniciar, com código {code}{lines}", "its process ended at start with code {code}{lines}"
    ),
    Both("não respondeu em {seconds} s{lines}", "it did not answer within {seconds} s{lines}"),
    Both(" (últimas linhas do log: {lines})", " (last log lines: {lines})"),
    Both(
        "iniciou e respondeu, e o webhook responde HTTP {http}",
        "it started and answered, and its webhook answers HTTP {http}",
    ),
    Both(
        "iniciou, respondeu e não planejou nada para uma mensagem nossa",
        "it started, answered, and planned nothing for a message of ours",
    ),
    Both(
        "o commit {commit} não está no lugar: {why} De volta a {place}, que está no ar. O que havia antes está "
        "guardado em {ref}.",
        "commit {commit} is not in place: {why} Returned to {place}, which is up. What was there before is kept "
        "under {ref}.",
    ),
    Both(
        "o commit {commit} não está no lugar: {why} De volta a {place}, que também não sobe: {other} O que havia "
        "antes está guardado em {ref}.",
        "commit {commit} is not in place: {why} Returned to {place}, which does not come up either: {other} What "
        "was there before is kept under {ref}.",
    ),
    Both(
        "o commit {commit} não está no lugar: {why} A volta a {place} também falhou ({other}): conserte isso e "
        "desfaça, ou ponha-o no lugar à mão. O que havia antes está guardado em {ref}.",
        "commit {commit} is not in place: {why} The way back to {place} failed as well ({other}): mend that and "
        "undo, or put it in place by hand. What was there before is kept under {ref}.",
    ),
    Both(
        "o commit {commit} não está no lugar: {why} É o que havia antes, e não há a que voltar: escolha outra "
        "versão. O que havia antes está guardado em {ref}.",
        "commit {commit} is not in place: {why} It is what was there before, so there is nothing to return to: "
        "choose another release. What was there before is kept under {ref}.",
    ),
)
