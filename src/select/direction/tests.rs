use super::*;

/// Less is better.
const DOWN: &str = "
    loss val_loss train/loss valLoss valloss train_loss_step train_loss_epoch eval_loss test-loss Loss/train losses total_loss
    epoch_loss loss_bbox loss_cls loss_rpn_box_reg loss_classifier loss_giou loss_dice loss_iou box_loss val/cls_loss train/dfl_loss
    dice_loss focal_loss iou_loss f1_loss accuracy_loss reward_loss contrastive_loss pos_loss kl_loss policy_gradient_loss
    value_loss train/entropy_loss critic_loss actor_loss triplet_loss hinge_loss negative_sampling_loss hamming_loss zero_one_loss
    perceptual_loss ssim_loss reg_loss l1_loss l2_loss smooth_l1_loss huber_loss map_loss auc_loss loss_neg packet_loss_rate
    rmse test_rmse RMSE validation_0-rmse rmse_mean mean_rmse val_rmse_mean avg_rmse best_rmse val_rmse_best rmse_fold_3
    mean_squared_error root_mean_squared_error training_mean_squared_error MeanSquaredError mean_absolute_error mae val-mae
    val_maes mean_absolute_percentage_error mape smape wape wmape mase rmsse rmsle nrmse nmae msle mdape medae median_absolute_error
    max_error mean_pinball_loss pinball_loss quantile_loss wql crps mean_crps interval_score winkler_score owa
    mean_wQuantileLoss abs_rel silog rse rae nmse sse
    error err errors error_rate eval/error train-error validation_0-error@0.7 top5_error top_1_err test_errors merror mlogloss
    validation_0-mlogloss valid_0-binary_logloss binary_error multi_error log_loss logloss LogLoss log_loss_score logLoss
    cross_entropy binary_crossentropy val_categorical_crossentropy xent bce normalized_entropy nll nll_loss negative_log_likelihood
    neg_log_likelihood poisson-nloglik nelbo perplexity ppl word_perplexity bits_per_byte bpb wikitext/byte_perplexity
    l1 l2 valid_0-l1 valid_1-l2 training-l2 huber gamma_deviance tweedie_deviance valid_0-quantile deviance mean_poisson_deviance
    kullback_leibler kl_divergence js_divergence wasserstein_distance aic bic AICc hqic ssr mse_resid
    wer WER eval_wer cer eval/cer ter mer word_error_rate char_error_rate eer der min_dcf edit_distance levenshtein_distance
    fid FID kid lpips niqe brisque fvd fad ergas mpjpe epe hausdorff_distance hd95 assd chamfer_distance
    false_positive_rate fpr fnr false_negative_rate false_discovery_rate fdr false_alarm_rate far frr miss_rate misclassification_rate
    brier brier_score brier_score_loss ece expected_calibration_error mce negative_likelihood_ratio fall_out coverage_error
    davies_bouldin_score davies_bouldin davies_bouldin_index inertia distortion regret cumulative_regret td_error
    latency latency_ms eval/latency_ms p95_latency inference_time ttft cost total_cost memory_usage emissions
    time mean_score_time mean_fit_time fit_time train_runtime eval_runtime epoch_time time/time_elapsed duration fit_seconds
    prediction_time_ms rank_test_score rank_test_neg_log_loss rank_test_accuracy mean_rank time_to_accuracy
    toxicity/v1/mean hallucination_rate demographic_parity_difference equalized_odds_difference
    mean_per_class_error oob_error residual_deviance LPIPS_alex fid50k_full fpr95 relative_l2_error rel_l2 db_index optimality_gap
    1-accuracy val/1-accuracy 1-auc one_minus_auc minus_accuracy neg_r2 negative_elbo neg_ndcg
";

/// More is better.
const UP: &str = "
    accuracy val_acc valAcc train_accuracy top_5_accuracy accuracy_top5 top1_acc best_accuracy accuracies mean_accuracy acc/val
    sparse_categorical_accuracy binary_accuracy balanced_accuracy accuracy_score training_accuracy_score metrics/accuracy_top1 testacc
    acc_norm acc_norm,none acc,none exact_match exact_match,strict-match em squad_em mean_token_accuracy rewards/accuracies
    f1 F1 f1_score f1Score eval/f1-macro macro_f1 f1_weighted val_f1_score_macro f1_negative f1_neg f2 fbeta f_measure f0.5_score
    weighted_avg_f1-score micro_f1 f1_class_3 f1_cat train_f1 f1_at_0.5 entity_f1 span_f1 wf1
    recall recall_neg recall_negative recall@10 recall_at_k hit_rate@10 hits@10 hr@10 precision precision@10 precision_negative
    precision_0 sensitivity specificity tpr true_positive_rate tnr npv negative_predictive_value acc_neg positive_likelihood_ratio
    auc val_auc AUROC roc_auc rocauc roc_auc_ovr roc_auc_score validation_1-auc valid_1-auc test-auc-mean auc_mu aucpr pr_auc
    average_precision average_precision_score precision_recall_auc ap AP ap50 ap_small mAP map50 mAP50-95(B) metrics/mAP50-95B
    metrics/mAP50(M) mean_average_precision map@10 mean_ap gini ks
    r2 R2 R^2 r2_score test_r2 r_squared rsquared rsquared_adj adjusted_r2 explained_variance explained_variance_score
    d2_log_loss_score d2_absolute_error_score d2_brier_score d2_pinball_score d2_tweedie_score explained_deviance brier_skill_score
    matthews_corrcoef mcc cohen_kappa cohen_kappa_score quadratic_weighted_kappa qwk kappa pearson pearsonr spearmanr
    kendall_tau pearson_correlation concordance_index c_index rank_ic rank_correlation
    neg_mean_squared_error neg_log_loss neg_brier_score neg_root_mean_squared_error val_neg_mean_absolute_error neg_rmse
    mean_test_neg_log_loss neg_negative_likelihood_ratio neg_max_error neg_perplexity negative_mse negRMSE minus_loss 1-error_rate
    ndcg ndcg@10 NDCG@5 mrr mean_reciprocal_rank dcg r_precision reciprocal_rank
    bleu bleu4 sacrebleu google_bleu rouge1 rouge2 rougeL rougeLsum rouge-l eval/rougeL meteor chrf chrf++ bert_score sari comet bleurt
    pass@1 pass@10 humaneval_pass@1 pass_at_k win_rate elo mauve
    iou mIoU mean_iou MeanIoU giou dice dice_score dsc jaccard jaccard_score panoptic_quality mota hota pixel_acc iou_class_3
    psnr PSNR ssim ms_ssim structural_similarity structural_similarity_index peak_signal_noise_ratio peak_signal_to_noise_ratio
    snr si_sdr si-snr pesq stoi inception_score clip_score cosine_similarity
    reward mean_reward eval/mean_reward rollout/ep_rew_mean ep_rew_mean episode_reward_mean episode_return success_rate
    rollout/success_rate train/explained_variance average_return
    elbo ELBO log_likelihood loglik llf likelihood log_prob val_elbo elpd
    adjusted_rand_score ari nmi normalized_mutual_info_score v_measure_score silhouette silhouette_score calinski_harabasz_score
    homogeneity_score completeness_score fowlkes_mallows_score dunn_index purity
    samples_per_sec samples_per_second train_samples_per_second tokens_per_second eval_steps_per_second it_per_sec fps time/fps throughput
    iterations_per_second qps mfu it/s tokens/s tok/sec samples/s charts/SPS percentage_correct prec@1 ents_f dep_uas aupr_in tpr_at_fpr_1e-3
    cagr rank_icir TAR@FAR=1e-4 sdri plddt hypervolume AR@100 coco/bbox_mAP_s mAcc mDice Rsq cosine_ndcg@10 sts_spearman macro_avg_precision
    score val_score training_score mean_test_score best_cv_score score_val fitness split0_test_score
    answer_correctness/v1/mean faithfulness/v1/mean correctness/mean context_precision sharpe_ratio profit pnl demographic_parity_ratio
    nse kge evs threat_score csi
";

/// The name says neither, or nobody can tell.
const OPEN: &str = "
    lr learning_rate lr-Adam lr/pg0 train/learning_rate epoch best_epoch step global_step grad_norm train/grad_norm gradient_norm
    momentum weight_decay n_parameters num_params params account mapping metric value value_0 objective objective_value
    loss_scale loss_weight loss_coef f1_threshold threshold best_threshold accuracy_threshold iou_threshold reward_scale kl_coef
    acc_stderr acc_norm_stderr,none acc_std std_test_score std_score_time rmse_std val_rmse_std f1_var loss_variance r2_sem
    test-auc-std mean_std std_dev standard_error std_error rmse_stdev bleu_stderr rouge1/v1/variance
    accuracy_ci_low auc_lower auc_upper f1_ci_upper auc_lower_bound mae_ci95 acc_95ci rmse_ci
    entropy policy_entropy train/entropy mean_entropy policy/entropy_avg losses/entropy objective/entropy
    train_error_gap loss_gap generalization_gap loss_delta delta_loss accuracy_drop loss_improvement acc_diff f1_gain
    l2_penalty_weight l1_ratio l2_norm l1_alpha weights_l2 l2_reg grad_l2 l2_regularization
    ep_len_mean rollout/ep_len_mean eval/mean_ep_length episode_length total_timesteps time/total_timesteps time/iterations
    time/episodes train/n_updates approx_kl train/approx_kl train/clip_fraction clip_range train/std exploration_rate objective/kl
    example_count true_positives true_negatives false_positives false_negatives support f1_support n_features error_count num_samples
    best_iteration stopped_iteration best_val_loss_epoch total_flos gen_len eval_gen_len condition_number df_model df_resid
    f_pvalue p_value mse_model mse_total sum_on_target mean_on_target flesch_kincaid_grade_level/v1/mean ari_grade_level/v1/mean
    token_count neg_loss neg_f1 negative_recall neg_accuracy mse_neg acc_minus_baseline train_acc_minus_val_acc neg_error negative_reward
    inverse_mse alpha lambda temperature dropout rewards/rejected logps/chosen logits/rejected bias mbe anomaly_score risk_score z_score
    attack_success_rate null_deviance max_drawdown kl beta_kl kl_weight neg_score gini_index best_value fun best_objective
    coverage bert gpu_utilization loss_reward error_correlation theils_u batch_size pre_training age 1-shot 2
";

fn check(names: &str, expected: Option<Goal>) -> Vec<String> {
    let wrong = names.split_whitespace().filter(|name| goal(name) != expected);
    wrong.map(|name| format!("{name}: {:?}, not {expected:?}", goal(name))).collect()
}

#[test]
fn names_say_what_is_wanted_or_nothing_is_assumed() {
    let mut wrong = check(DOWN, Some(Goal::Minimize));
    wrong.extend(check(UP, Some(Goal::Maximize)));
    wrong.extend(check(OPEN, None));
    assert!(wrong.is_empty(), "{} names:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(goal(""), None);
    assert_eq!(goal("Mean Squared Error (val)"), Some(Goal::Minimize));
    assert_eq!(goal("1 - accuracy"), Some(Goal::Minimize));
    assert_eq!(goal("Genauigkeit é ☃ accuracy"), Some(Goal::Maximize));
}

#[test]
fn a_name_of_any_length_is_read_in_time() {
    let long = "loss_".repeat(100_000);
    assert_eq!(goal(&long), Some(Goal::Minimize));
    assert_eq!(goal(&"x".repeat(1_000_000)), None);
}

#[test]
fn what_a_name_says_of_its_metric_is_read() {
    let said = read("valid_1-auc");
    assert_eq!(
        (said.of, said.set, said.core.as_str(), said.kind),
        (DataPart::Validation, 1, "auc", MetricKind::Measure)
    );
    let said = read("test/rmse_std");
    assert_eq!((said.of, said.goal, said.is_beside), (DataPart::Test, None, true));
    assert_eq!(read("train_val_loss").of, DataPart::Validation);
    assert!(read("map50-95").place < read("mAP50").place && read("rmse").place < read("max_error").place);
    assert!(read("val_loss").more < read("val_box_loss").more);
}
