;;; patchscan.el --- Remarks on a kernel patch series, in a buffer to walk  -*- lexical-binding: t -*-

;; (load "patchscan.el"), then M-x patchscan RET HEAD~3.. RET; `next-error' walks the remarks.

(require 'compile)

(defvar patchscan-program "patchscan" "What is run.")

(defun patchscan-command (series)
  "The command line that judges SERIES."
  (concat patchscan-program " --quiet --format concise " (shell-quote-argument series)))

(define-compilation-mode patchscan-mode "patchscan"
  "Remarks of patchscan."
  (setq-local compilation-error-regexp-alist
              '(("^\\([^:\n]+\\):\\([0-9]+\\): \\(?:error\\|\\(warning\\)\\|\\(info\\)\\): " 1 2 nil (3 . 4)))))

(defun patchscan (series)
  "Judge SERIES: an mbox, a commit, a branch or a range of git."
  (interactive "sSeries: ")
  ;; A pipe, so that it shows no progress as at a terminal.
  (let ((process-connection-type nil))
    (compilation-start (patchscan-command series) #'patchscan-mode)))

(provide 'patchscan)
;;; patchscan.el ends here
